//! The command line from end to end, and what crosses crates, as one program: it is linked once, and a slow
//! test of one module runs beside those of the others.

mod data;
mod data_of_runs;
mod documentation;
mod explorer;
mod figures;
mod hub;
mod importing;
mod messages;
mod metrics;
mod own_data;
mod paths;
mod pretrained;
mod real_digits;
mod report;
mod small_runs;
mod suggested_commands;
mod survival;
mod training;
mod untrusted_text;
mod usage;

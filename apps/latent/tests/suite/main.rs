//! The command line from end to end, and what crosses crates, as one program: it is linked once, and a slow
//! test of one module runs beside those of the others.

mod command_line;
mod data_of_runs;
mod explorer;
mod hub;
mod paths;
mod pretrained;
mod real_digits;
mod report;
mod suggested_commands;
mod survival;
mod untrusted_text;

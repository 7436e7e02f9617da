//! What crosses crates, as one program: it is linked once, and a slow test of one module runs beside
//! those of the others.

mod command_line;
mod hub;
mod pretrained;
mod real_digits;
mod report;
#[cfg(unix)]
mod survival;

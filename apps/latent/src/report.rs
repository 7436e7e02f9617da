//! Reports of assignments: what is trained, what is shown of it, and what is said of what it shows.
//!
//! An [`Assignment`] is an outline: the runs that it needs, and for each task the very commands of the
//! task's recipe. [`write()`] runs them as a person would, holds what they show, and lets the answers quote it.

mod aevb;
mod answers;
mod document;
mod findings;
mod hy673;
mod lab8;
mod outline;
mod radboud;
mod runs;
mod vae2d;
mod writer;

pub(crate) use findings::{Findings, number};
pub(crate) use outline::Assignment;
pub(crate) use runs::of_runs;
pub(crate) use writer::{Commands, Quick, Request, commands, refuse_other_data, write};

use crate::Error;
use crate::suggestion::nearest;

/// The assignments that there are reports of.
pub(crate) fn assignments() -> Vec<Assignment> {
    vec![
        lab8::assignment(),
        hy673::assignment(),
        aevb::assignment(),
        radboud::assignment(),
        vae2d::assignment(),
    ]
}

/// The assignment of a name.
pub(crate) fn find(name: &str) -> Result<Assignment, Error> {
    let mut all = assignments();
    let names: Vec<String> = all
        .iter()
        .map(|assignment| assignment.name.clone())
        .collect();
    match names.iter().position(|known| known == name) {
        Some(index) => Ok(all.swap_remove(index)),
        None => Err(Error::NoAssignment {
            name: name.to_owned(),
            known: names.join(", "),
            nearest: nearest(name, names),
        }),
    }
}

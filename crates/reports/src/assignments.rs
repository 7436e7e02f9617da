//! The assignments that this crate has reports of.

mod aevb;
mod hy673;
mod lab8;
mod radboud;
mod runs;
mod vae2d;

use crate::{Assignment, Error};

/// The names of the assignments.
pub const ASSIGNMENTS: [&str; 5] = ["lab8", "hy673", "aevb", "radboud", "vae2d"];

/// The assignment of a name.
///
/// # Errors
/// [`Error::UnknownAssignment`] if the name is none of [`ASSIGNMENTS`].
pub fn assignment(name: &str) -> Result<Assignment, Error> {
    match name {
        "lab8" => lab8::assignment(),
        "hy673" => hy673::assignment(),
        "aevb" => aevb::assignment(),
        "radboud" => radboud::assignment(),
        "vae2d" => Ok(vae2d::assignment()),
        _ => Err(Error::UnknownAssignment(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_assignment_has_runs_of_known_experiments() {
        use crate::RunOrigin::Trained;
        for name in ASSIGNMENTS {
            let assignment = assignment(name).unwrap();
            assert_eq!(assignment.name, name);
            for run in &assignment.runs {
                let Trained {
                    experiment,
                    settings,
                    ..
                } = &run.origin
                else {
                    panic!("{name}: {} is not trained", run.name);
                };
                latent_pretrained::experiment(experiment, settings).unwrap();
            }
            let known: Vec<_> = assignment.runs.iter().map(|run| &*run.name).collect();
            let exhibits = assignment.tasks.iter().flat_map(|task| &task.parts);
            let exhibits = exhibits.flat_map(|part| &part.exhibits);
            for command in exhibits.flat_map(|exhibit| &exhibit.commands) {
                for run in command.runs() {
                    assert!(known.contains(&run), "{name}: {command}");
                }
            }
        }
        assert!(matches!(
            assignment("lab9"),
            Err(Error::UnknownAssignment(_))
        ));
    }
}

//! Every report has the tasks and questions of its assignment, in the assignment's order, and extras after them.

use latent_reports::{Assignment, Part, assignment};

/// The numbers of all tasks and questions, as the assignments have them.
const OUTLINES: [(&str, &[&str]); 5] = [
    ("vae2d", &["(a)", "(b)", "(c)", "(d)"]),
    (
        "aevb",
        &["1.1", "1.2", "1.3", "1.4", "2.", "3.1", "3.2", "3.3"],
    ),
    (
        "lab8",
        &[
            "1(a)",
            "1(b)",
            "1(c)",
            "1(d)",
            "1(e)",
            "1(f)",
            "1(g)",
            "1(h)",
            "2(a)",
            "2(e)",
            "2(f)",
            "2(g)",
            "2(h)",
            "Parameters and architectures",
            "Samples around",
            "Transition",
        ],
    ),
    (
        "hy673",
        &[
            "1(a)", "1(b)", "1(c)", "2(a)", "2(b)", "3(a)", "3(b)", "3(c)",
        ],
    ),
    (
        "radboud",
        &[
            "10.2(a)", "10.2(b)", "10.3", "10.4(a)", "10.4(b)", "10.4(c)", "10.5(a)", "10.5(b)",
            "10.5(c)", "10.5(d)", "10.5(e)", "10.5(f)", "10.5(g)", "10.5(h)", "10.6(a)", "10.6(b)",
            "10.6(c)", "10.6(d)", "10.6(e)", "10.6(f)", "10.6(g)", "10.6(h)", "10.6(i)", "10.7(a)",
            "10.7(b)",
        ],
    ),
];

/// The heading of each part: its own, or its task's if the task has a single one.
fn headings(assignment: &Assignment) -> Vec<(String, &Part)> {
    let parts = assignment.tasks.iter().flat_map(|task| {
        let title = |part: &Part| part.title.clone().unwrap_or_else(|| task.title.clone());
        task.parts.iter().map(move |part| (title(part), part))
    });
    parts.collect()
}

#[test]
fn reports_have_all_tasks_and_questions_in_order() {
    for (name, numbers) in OUTLINES {
        let assignment = assignment(name).unwrap();
        let headings = headings(&assignment);
        let asked = headings.iter().filter(|(_, part)| !part.is_extra);
        let text = asked
            .map(|(title, _)| title.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        let mut rest = &text[..];
        for number in numbers {
            let found = rest.find(number);
            let found = found.unwrap_or_else(|| {
                panic!("{name}: {number} is missing or in another place: {text}")
            });
            rest = &rest[found + number.len()..];
        }
    }
}

#[test]
fn every_part_shows_or_answers_something_and_extras_are_last() {
    for (name, _) in OUTLINES {
        let assignment = assignment(name).unwrap();
        for (title, part) in headings(&assignment) {
            let count = part.excerpts.len() + part.exhibits.len() + part.questions.len();
            assert!(count > 0, "{name}: {title} is empty");
        }
        for task in &assignment.tasks {
            let extras: Vec<bool> = task.parts.iter().map(|part| part.is_extra).collect();
            assert!(
                extras.is_sorted(),
                "{name}: an extra of {} is not last",
                task.title
            );
        }
    }
}

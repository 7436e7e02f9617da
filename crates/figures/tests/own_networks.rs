//! The example of networks of one's own runs.

#[path = "../examples/own_networks.rs"]
#[expect(clippy::print_stdout, reason = "the program of a user")]
mod example;

#[test]
fn own_networks_are_trained_evaluated_and_drawn() -> Result<(), Box<dyn std::error::Error>> {
    example::main()
}

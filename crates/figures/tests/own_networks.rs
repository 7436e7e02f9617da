//! The example of networks of one's own runs.

#[path = "../examples/own_networks.rs"]
mod example;

#[test]
fn own_networks_are_trained_evaluated_and_drawn() -> Result<(), Box<dyn std::error::Error>> {
    example::main()
}

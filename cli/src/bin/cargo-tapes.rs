//! `cargo tapes`: the same, called by cargo, which hands its own word on as the first argument.

fn main() -> std::process::ExitCode {
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|word| word == "tapes") {
        args.remove(1);
    }
    traffic_recorder_cli::main(args)
}

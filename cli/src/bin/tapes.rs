//! The command `tapes`.

fn main() -> std::process::ExitCode {
    traffic_recorder_cli::main(std::env::args_os())
}

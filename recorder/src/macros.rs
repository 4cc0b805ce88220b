//! The macros that know where they stand: in which crate, in which function.

/// A test's tapes: `tapes/<path of the test>/` next to the crate's manifest.
///
/// ```no_run
/// # mod tests {
/// fn created() {
///     let tapes = traffic_recorder::tapes!();
///     // ... let a client use `tapes`, assert as usual ...
/// }
/// # }
/// ```
///
/// `tapes!(case = "EU")` gives each case of a parametrised test its own; `tapes!("orders/created")` names them.
///
/// # Panics
/// Where [`Recorder::open`](crate::Recorder::open) is an error, with its text.
#[macro_export]
macro_rules! tapes {
    ($($name:tt)*) => {
        $crate::recorder!($($name)*).start()
    };
}

/// As [`tapes!`](crate::tapes), to be configured first: `recorder!().repeat(Repeat::Last).start()`.
#[macro_export]
macro_rules! recorder {
    () => {
        $crate::Recorder::of_function($crate::__call_site!())
    };
    (case = $case:expr) => {
        $crate::Recorder::of_case($crate::__call_site!(), &::std::string::ToString::to_string(&$case))
    };
    ($name:expr) => {
        $crate::Recorder::of_name($crate::__call_site!(), ::core::convert::AsRef::<str>::as_ref(&$name))
    };
}

/// Fails where tapes of this test crate belong to no test any more. Call it in a test of its own:
///
/// ```no_run
/// #[test]
/// fn no_orphans() {
///     traffic_recorder::orphans!();
/// }
/// ```
///
/// # Panics
/// Naming the folders, and where the tests of this binary cannot be listed.
#[macro_export]
macro_rules! orphans {
    () => {
        $crate::session::Orphans::of_call($crate::__call_site!()).check()
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __call_site {
    () => {{
        fn here() {}
        $crate::session::CallSite {
            manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
            package: ::core::env!("CARGO_PKG_NAME"),
            function: ::core::any::type_name_of_val(&here),
            file: ::core::file!(),
            line: ::core::line!(),
            doc_test: ::core::option_env!("UNSTABLE_RUSTDOC_TEST_PATH").is_some(),
        }
    }};
}

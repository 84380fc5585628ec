//! Builds the program again when the site was built again: a release build has the site's files in it.

use std::{env, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A debug build reads the files when they are asked for.
    if env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        // Cargo takes a path that isn't there for one that changed each time.
        let watched = if Path::new("web/build").exists() { "web/build" } else { "web/svelte.config.js" };
        println!("cargo::rerun-if-changed={watched}");
    }
}

//! `perfil-bindgen <compiled.wasm> <out-dir>`: writes `perfil.js` and `perfil_bg.wasm` into the folder.
//!
//! Calls the `wasm-bindgen` command line as a library, so that its version in `Cargo.lock` cannot differ from the
//! crate's, and nothing has to be installed in addition to cargo.

use anyhow::{Context, ensure};
use std::fs;
use std::path::PathBuf;
use wasm_bindgen_cli_support::Bindgen;

/// The import of the WebAssembly in the generated module. workerd and wrangler need `WORKERD_IMPORT` instead, because
/// they provide the compiled module as the default export of a `.wasm` file.
const GENERATED_IMPORT: &str = "import source wasmModule from";
const WORKERD_IMPORT: &str = "import wasmModule from";

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let usage = "usage: perfil-bindgen <compiled.wasm> <out-dir>";
    let compiled = arguments.next().context(usage)?;
    let out_dir = arguments.next().context(usage)?;
    Bindgen::new()
        .input_path(compiled)
        .out_name("perfil")
        .module(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        // After a panic, the instance is discarded, and a fresh one handles the next request.
        .reset_state_function(true)
        .force_enable_abort_handler(true)
        .generate(&out_dir)?;

    let module = out_dir.join("perfil.js");
    let generated = fs::read_to_string(&module)?;
    ensure!(generated.contains(GENERATED_IMPORT), "wasm-bindgen generates an unknown import of its WebAssembly");
    fs::write(&module, generated.replacen(GENERATED_IMPORT, WORKERD_IMPORT, 1))?;
    Ok(())
}

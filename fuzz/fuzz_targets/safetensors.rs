#![no_main]

#[allow(dead_code)]
#[path = "../../tests/findings/harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::safetensors(bytes));

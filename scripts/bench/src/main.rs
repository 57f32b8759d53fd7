//! The native side of bcrypt.mjs, the same crate at the same cost: a password a line in, its hash a line out.

use bcrypt::Version;
use std::error::Error;
use std::io::{Write, stdin, stdout};

/// What src/auth/password.rs hashes with.
const COST: u32 = 12;

fn main() -> Result<(), Box<dyn Error>> {
    for password in stdin().lines() {
        let parts = bcrypt::hash_with_salt(password?, COST, [7; 16])?;
        writeln!(stdout(), "{}", parts.format_for_version(Version::TwoB))?;
    }
    Ok(())
}

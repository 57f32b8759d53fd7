//! The native side of bcrypt.mjs, with the same crate and cost: reads a password per line and prints its hash.

use bcrypt::Version;
use std::error::Error;
use std::io::{Write, stdin, stdout};

/// The cost in src/auth/password.rs.
const COST: u32 = 12;

fn main() -> Result<(), Box<dyn Error>> {
    for password in stdin().lines() {
        let parts = bcrypt::hash_with_salt(password?, COST, [7; 16])?;
        writeln!(stdout(), "{}", parts.format_for_version(Version::TwoB))?;
    }
    Ok(())
}

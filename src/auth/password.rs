use crate::domain::{Fault, Password, PasswordHash};
use bcrypt::Version;

/// What the existing login services use (contract S5).
const COST: u32 = 12;

/// Hashes a password with bcrypt as `$2b$12$…`, so that the existing login services can verify it. Like them it
/// reads the first 72 bytes (contract S5). Slow on purpose: a third of a second of CPU.
///
/// Fails when the platform gives no random bytes for the salt.
pub fn hash(password: &Password) -> Result<PasswordHash, Fault> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| Fault::Hashing(error.to_string()))?;
    let parts =
        bcrypt::hash_with_salt(password.reveal(), COST, salt).map_err(|error| Fault::Hashing(error.to_string()))?;
    Ok(PasswordHash::new(parts.format_for_version(Version::TwoB)))
}

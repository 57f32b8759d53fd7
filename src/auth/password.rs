use super::EventLoop;
use super::rounds::Rounds;
use super::turns::Turn;
use crate::domain::{Fault, Password, PasswordHash};
use bcrypt::{HashParts, Version};

/// What the existing login services use (contract S5).
const COST: u8 = 12;
/// How many of the 4096 rounds are computed without a pause: 7 of 250 milliseconds. Counted in rounds, because the
/// clock stands still while the CPU works. What other sizes cost is in docs/performance.md.
const SLICE: u32 = 104;
/// In milliseconds. A timer of 0 is due as soon as something else is: the next slice would begin before a request that
/// came in the meantime was answered.
const PAUSE: u64 = 1;

/// Hashes a password with bcrypt as `$2b$12$…`, so that the existing login services can verify it. Like them it
/// reads the first 72 bytes (contract S5). Slow on purpose, a quarter of a second of CPU: other requests run between
/// the slices of it, and other passwords wait (contract R13).
///
/// Fails if the platform gives no random bytes for the salt, or if too many passwords are waiting.
pub async fn hash(password: &Password, event_loop: &impl EventLoop) -> Result<PasswordHash, Fault> {
    let turn = Turn::new(event_loop);
    turn.comes().await?;
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| Fault::Hashing(error.to_string()))?;
    let mut rounds = Rounds::new(password.reveal(), COST, salt);
    let text = loop {
        // Also before the first slice, which would otherwise follow the last one of another password.
        event_loop.pause(PAUSE).await;
        if let Some(text) = rounds.advance(SLICE) {
            break text;
        }
        turn.comes().await?;
    };
    if !is_well_formed(&text, salt) {
        return Err(Fault::Hashing("the hash is malformed".to_owned()));
    }
    Ok(PasswordHash::new(text))
}

/// Whether the crate `bcrypt` reads the hash as what was to be made: a malformed one would lock its owner out.
fn is_well_formed(text: &str, salt: [u8; 16]) -> bool {
    text.parse::<HashParts>().is_ok_and(|parts| {
        let is_expected = parts.get_cost() == u32::from(COST) && parts.get_salt_raw() == salt;
        is_expected && parts.format_for_version(Version::TwoB) == text
    })
}

use super::EventLoop;
use super::rounds::Rounds;
use super::turns::Turn;
use crate::domain::{Fault, Password, PasswordHash};
use bcrypt::{HashParts, Version};

/// The bcrypt cost that the existing login services use (contract S5).
const COST: u8 = 12;
/// Number of rounds, out of 4096, that are computed without a pause. They take about 7 milliseconds; the whole hash
/// takes 250. The unit is rounds because the clock stands still while the CPU works. docs/performance.md has the cost
/// of other sizes.
const SLICE: u32 = 104;
/// Length of a pause, in milliseconds. A timer of 0 is due as soon as anything else is, so the next slice would begin
/// before a request that arrived in the meantime gets its response.
const PAUSE: u64 = 1;

/// Hashes a password with bcrypt as `$2b$12$…`, so that the existing login services can verify it. Like them, it reads
/// only the first 72 bytes (contract S5).
///
/// This is slow on purpose: it takes a quarter of a second of CPU. Other requests run between the slices, and other
/// passwords wait (contract R13).
///
/// Fails if the platform provides no random bytes for the salt, or if too many passwords are waiting.
pub async fn hash(password: &Password, event_loop: &impl EventLoop) -> Result<PasswordHash, Fault> {
    let turn = Turn::new(event_loop);
    turn.wait().await?;
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| Fault::Hashing(error.to_string()))?;
    let mut rounds = Rounds::new(password.reveal(), COST, salt);
    let text = loop {
        // Pauses before the first slice, too, which would otherwise directly follow the last slice of another password.
        event_loop.pause(PAUSE).await;
        if let Some(text) = rounds.advance(SLICE) {
            break text;
        }
        turn.wait().await?;
    };
    if !is_well_formed(&text, salt) {
        return Err(Fault::Hashing("the hash is malformed".to_owned()));
    }
    Ok(PasswordHash::new(text))
}

/// Returns whether the crate `bcrypt` parses the hash and finds the expected version, cost and salt. A malformed hash
/// would lock its owner out.
fn is_well_formed(text: &str, salt: [u8; 16]) -> bool {
    text.parse::<HashParts>().is_ok_and(|parts| {
        let is_expected = parts.get_cost() == u32::from(COST) && parts.get_salt_raw() == salt;
        is_expected && parts.format_for_version(Version::TwoB) == text
    })
}

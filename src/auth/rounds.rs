use base64ct::{Base64Bcrypt, Encoding};
use blowfish::Blowfish;
use blowfish::cipher::zeroize::Zeroizing;

/// Number of bytes of a password that bcrypt reads.
const MAX_PASSWORD_BYTES: usize = 72;
/// Number of times that bcrypt encrypts its text, `OrpheanBeholderScryDoubt`.
const ENCRYPTIONS: u32 = 64;
const TEXT: [[u32; 2]; 3] = [[0x4f72_7068, 0x6561_6e42], [0x6568_6f6c, 0x6465_7253], [0x6372_7944, 0x6f75_6274]];
/// Length of a hash, in bytes: bcrypt omits the last of the 24 bytes that it computes.
const HASH_BYTES: usize = 23;

/// A bcrypt hash that is computed in slices. The crate `bcrypt` computes it in one go, which blocks every other request
/// of the instance. Key and state are overwritten when the value is dropped.
pub struct Rounds {
    /// The password and a zero byte, truncated to what bcrypt reads.
    key: Zeroizing<Vec<u8>>,
    salt: [u8; 16],
    cost: u8,
    remaining: u32,
    /// Boxed, so that the futures of other requests do not reserve its 4 KiB.
    state: Box<Blowfish>,
}

impl Rounds {
    /// Starts a hash of 2^`cost` rounds; bcrypt supports costs from 4 to 31.
    pub fn new(password: &[u8], cost: u8, salt: [u8; 16]) -> Self {
        // Allocated with its full capacity, so that growth leaves no copy of the password in memory.
        let mut key = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD_BYTES));
        key.extend(password.iter().chain([&0]).take(MAX_PASSWORD_BYTES));
        let mut state = Box::new(Blowfish::bc_init_state());
        state.salted_expand_key(&salt, &key);
        Self { key, salt, cost, remaining: 1_u32.wrapping_shl(cost.into()), state }
    }

    /// Computes at most `max` rounds. Returns the hash as `$2b$…` after the last one.
    pub fn advance(&mut self, max: u32) -> Option<String> {
        let rounds = max.min(self.remaining);
        for _ in 0..rounds {
            self.state.bc_expand_key(&self.key);
            self.state.bc_expand_key(&self.salt);
        }
        self.remaining = self.remaining.saturating_sub(rounds);
        (self.remaining == 0).then(|| self.text())
    }

    fn text(&self) -> String {
        let encrypted = TEXT.map(|block| (0..ENCRYPTIONS).fold(block, |block, _| self.state.bc_encrypt(block)));
        let hash: Vec<u8> = encrypted.into_iter().flatten().flat_map(u32::to_be_bytes).take(HASH_BYTES).collect();
        let [salt, hash] = [&self.salt[..], &hash].map(Base64Bcrypt::encode_string);
        format!("$2b${:02}${salt}{hash}", self.cost)
    }
}

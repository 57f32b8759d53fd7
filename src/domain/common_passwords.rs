use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush};

/// The 3,000 most common passwords of six characters and more, from Django's list (BSD-3-Clause), in lower case, as
/// scripts/passwords.mjs writes them: 7.6 KB. As text, they would make the compressed worker 1.1 KB larger.
const TABLE: &[u8] = include_bytes!("common_passwords.bin");

/// Its length in bytes, inflated.
const LENGTH: usize = 12_773;

/// Whether it is one of the most common passwords, in any letter case.
///
/// The table is a sequence of capital letters and texts. A letter says how many characters the word before loses at its
/// end, A none and Z 25, and the text is what it gets in their place.
pub fn is_common(password: &str) -> bool {
    let password = password.to_ascii_lowercase();
    let mut table = vec![0; LENGTH];
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    inflate(&mut state, TABLE, &mut table, MZFlush::None);
    let mut word = Vec::new();
    for byte in table {
        if !byte.is_ascii_uppercase() {
            word.push(byte);
            continue;
        }
        // Here a word ends and the next one begins; the first one begins with nothing before it.
        if !word.is_empty() && word == password.as_bytes() {
            return true;
        }
        let lost = usize::from(byte.saturating_sub(b'A'));
        word.truncate(word.len().saturating_sub(lost));
    }
    word == password.as_bytes()
}

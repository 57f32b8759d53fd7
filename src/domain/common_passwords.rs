use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush};

/// The 3,000 most common passwords of six or more characters, from Django's list (BSD-3-Clause), in lower case.
/// scripts/passwords.mjs generates the file (7.6 KB). As plain text, the passwords would make the compressed worker 1.1
/// KB larger.
const TABLE: &[u8] = include_bytes!("common_passwords.bin");

/// Length of the inflated table, in bytes.
const LENGTH: usize = 12_773;

/// Returns whether a password is one of the most common ones, in any letter case.
///
/// The table is a sequence of capital letters, each followed by lower-case text. The letter gives the number of
/// characters to remove from the end of the previous word, from A for 0 to Z for 25. The text is then appended.
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
        // One word ends here and the next one begins. There is no word before the first one.
        if !word.is_empty() && word == password.as_bytes() {
            return true;
        }
        let lost = usize::from(byte.saturating_sub(b'A'));
        word.truncate(word.len().saturating_sub(lost));
    }
    word == password.as_bytes()
}

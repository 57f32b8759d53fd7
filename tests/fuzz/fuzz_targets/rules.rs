//! Every rule for text. The first byte selects the rule, and the second the limit. The rest is the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perfil::domain::{Rule, Text, text};
use perfil_fuzz::rules;

fuzz_target!(|data: &[u8]| {
    let [which, limit, raw @ ..] = data else { return };
    let raw = String::from_utf8_lossy(raw);
    let limit = [1, 10, 100, 150, 200, 254, 255][usize::from(limit % 7)];
    let max = limit as usize;
    let trimmed = raw.trim();
    match which % 9 {
        0 => exact(&raw, rules::is_line(trimmed, 1, max), |raw| text::line(raw, 1, limit)),
        1 => implied(&raw, |text| rules::can_be_email(text, max), |raw| text::email(raw, limit)),
        2 => exact(&raw, rules::is_username(trimmed, max), |raw| text::username(raw, limit)),
        3 => exact(&raw, rules::is_phone(trimmed), text::phone),
        4 => exact(&raw, rules::is_national_id(trimmed), text::national_id),
        5 => implied(&raw, rules::can_be_url, text::url),
        6 => implied(&raw, |text| rules::can_be_image_path(text, max), |raw| text::image_path(raw, limit)),
        8 => exact(&raw, rules::is_unspaced_username(trimmed, max), |raw| text::unspaced_username(raw, limit)),
        _ => {
            let password = text::password(&raw, 6, 100);
            assert_eq!(password.is_ok(), rules::is_within(&raw, 6, 100));
            assert!(
                password.is_ok_and(|password| password.reveal() == raw.as_bytes()) || !rules::is_within(&raw, 6, 100)
            );
        }
    }
});

/// Applies a rule. An accepted text must be the text as sent without surrounding white space, and be accepted again.
fn accepted(raw: &str, rule: impl Fn(&str) -> Result<Text, Rule>) -> Option<String> {
    let text = rule(raw).ok()?;
    assert_eq!(text.as_str(), raw.trim());
    assert!(!text.as_str().chars().any(char::is_control));
    assert_eq!(rule(text.as_str()), Ok(text.clone()));
    Some(text.as_str().to_owned())
}

fn exact(raw: &str, expected: bool, rule: impl Fn(&str) -> Result<Text, Rule>) {
    assert_eq!(accepted(raw, rule).is_some(), expected, "{raw:?}");
}

fn implied(raw: &str, model: impl Fn(&str) -> bool, rule: impl Fn(&str) -> Result<Text, Rule>) {
    if let Some(text) = accepted(raw, rule) {
        assert!(model(&text), "{text:?} should not have been accepted");
    }
}

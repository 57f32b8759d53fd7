//! Random bytes, and fixtures with random changes (contract M1, M2). `PERFIL_IMAGES=100000` sets the number of cases.

use super::{FIXTURES, Fixture, contains_secret, forge, format_of, parse, picture};
use proptest::prelude::*;
use proptest::{sample::Index, test_runner::Config};

const MAGICS: [&[u8]; 6] = [
    b"\xFF\xD8\xFF",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0",
    b"RIFF\x40\0\0\0WEBP",
];

pub fn config() -> Config {
    let cases = std::env::var("PERFIL_IMAGES").ok().map_or(400, |cases| cases.parse().unwrap());
    Config { cases, failure_persistence: None, ..Config::default() }
}

fn fixture() -> impl Strategy<Value = &'static str> {
    prop::sample::select(FIXTURES.iter().map(|Fixture(name, ..)| *name).collect::<Vec<_>>())
}

/// A change to a list of bytes, or of pieces.
#[derive(Debug, Clone)]
enum Change<T> {
    Flip(Index, Index),
    Insert(Index, T),
    Delete(Index, usize),
    Duplicate(Index, usize),
    Swap(Index, Index),
    Splice(&'static str, Index, Index, usize),
}

fn change<T: Clone + std::fmt::Debug + 'static>(
    fresh: impl Strategy<Value = T> + 'static,
    max: usize,
) -> impl Strategy<Value = Change<T>> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), at()).prop_map(|(at, bit)| Change::Flip(at, bit)),
        1 => (at(), fresh).prop_map(|(at, fresh)| Change::Insert(at, fresh)),
        1 => (at(), 1..max).prop_map(|(at, count)| Change::Delete(at, count)),
        1 => (at(), 1..max).prop_map(|(at, count)| Change::Duplicate(at, count)),
        1 => (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        1 => (fixture(), at(), at(), 1..max).prop_map(|(name, from, to, count)| Change::Splice(name, from, to, count)),
    ]
}

fn apply<T: Clone>(
    items: &mut Vec<T>,
    change: &Change<T>,
    other: impl Fn(&str) -> Vec<T>,
    flip: impl Fn(&mut T, &Index),
) {
    if items.is_empty() {
        return;
    }
    let (length, run) = (items.len(), |at: usize, count: usize, of: usize| at..of.min(at + count));
    match change {
        Change::Flip(at, bit) => flip(&mut items[at.index(length)], bit),
        Change::Insert(at, fresh) => items.insert(at.index(length), fresh.clone()),
        Change::Delete(at, count) => drop(items.drain(run(at.index(length), *count, length))),
        Change::Duplicate(at, count) => {
            let copy = items[run(at.index(length), *count, length)].to_vec();
            let at = at.index(length);
            items.splice(at..at, copy);
        }
        Change::Swap(a, b) => items.swap(a.index(length), b.index(length)),
        Change::Splice(name, from, to, count) => {
            let other = other(name);
            let from = from.index(other.len());
            let at = to.index(length);
            items.splice(at..at, other[run(from, *count, other.len())].iter().cloned());
        }
    }
}

/// Checks the properties of every accepted picture. Returns the picture as stored, or `None` if it was refused.
pub fn check(bytes: &[u8]) -> Result<Option<Vec<u8>>, TestCaseError> {
    let Ok(stripped) = parse(bytes) else { return Ok(None) };
    prop_assert!(stripped.len() <= bytes.len());
    let again = parse(&stripped);
    prop_assert_eq!(again.as_ref(), Ok(&stripped));
    let last = stripped.len() - 1;
    prop_assert!(parse(&stripped[..last]).is_err());
    Ok(Some(stripped))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes)?;
        for magic in MAGICS {
            check(&[magic, &bytes].concat())?;
        }
    }

    #[test]
    fn a_picture_with_changed_bytes_is_refused_or_stored_as_a_valid_one(
        name in fixture(),
        changes in prop::collection::vec(change(any::<u8>(), 200), 1..4),
        repair in any::<bool>(),
    ) {
        let mut bytes = picture(name);
        for change in &changes {
            apply(&mut bytes, change, picture, |byte, bit| *byte ^= 1 << bit.index(8));
        }
        check(&bytes)?;
        if repair && name.ends_with("webp") {
            check(&forge::assemble(format_of(name), &[bytes]))?;
        }
    }

    #[test]
    fn a_picture_with_changed_pieces_is_refused_or_stored_as_a_valid_one(
        name in fixture(),
        changes in prop::collection::vec(change(prop::collection::vec(any::<u8>(), 0..40), 4), 1..4),
    ) {
        let format = format_of(name);
        let mut pieces = forge::pieces(format, &picture(name));
        let other = |name: &str| forge::pieces(format_of(name), &picture(name));
        let mut flipped = false;
        for change in &changes {
            apply(&mut pieces, change, other, |piece, bit| {
                if !piece.is_empty() {
                    let bit = bit.index(piece.len() * 8);
                    piece[bit / 8] ^= 1 << (bit % 8);
                }
            });
            flipped |= !matches!(change, Change::Delete(..) | Change::Duplicate(..) | Change::Swap(..));
        }
        let stripped = check(&forge::assemble(format, &pieces))?;
        // A flipped bit may change the type of a piece and turn a comment into pixels. A different order never does.
        prop_assert!(flipped || !stripped.is_some_and(|bytes| contains_secret(&bytes)));
    }
}

//! Colour profiles (ICC.1:2022, to which section numbers refer). The numbers that convert colours are kept; information
//! about people, places and devices is removed. docs/decisions.md gives the reason for each tag.
//!
//! A profile is rewritten from the tags that are kept, in the order of [`KEPT_TAGS`] and without gaps, so that nothing
//! else can remain in it.

mod element;
mod output;
mod tags;

use element::Kind;
use output::{Output, Place};
use tags::Tags;

/// Maximum size of a profile that is kept, in bytes. Those of cameras, phones and printers range from a few hundred
/// bytes to 2 MiB.
pub(super) const MAX_LENGTH: usize = 4 << 20;

/// Name for a profile in a container that requires one.
pub(super) const NAME: &[u8] = b"-";

/// Lengths of the header including the tag count, and of an entry of the tag table (sections 7.2 and 7.3).
const HEAD: usize = 132;
const ENTRY: usize = 12;

/// The major versions of ICC.1. Version 5 is another format, ICC.2.
const VERSIONS: std::ops::RangeInclusive<u8> = 2..=4;

/// The classes of profiles that a picture can have: input, display, output and colour space (section 7.2.5).
const CLASSES: [&[u8; 4]; 4] = [b"scnr", b"mntr", b"prtr", b"spac"];

/// The colour spaces of pictures (section 7.2.6), and the spaces that profiles convert them to (section 7.2.7).
const PICTURE_SPACES: [&[u8; 4]; 5] = [b"RGB ", b"GRAY", b"CMYK", b"YCbr", b"Lab "];
const CONNECTION_SPACES: [&[u8; 4]; 2] = [b"XYZ ", b"Lab "];

/// The last of the four rendering intents (section 7.2.15).
const LAST_INTENT: u8 = 3;

/// The illuminant, which is D50 in every profile (section 7.2.16).
const D50: [u8; 12] = [0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D];

/// The tags that are kept (section 9.2; `bkpt` is from version 2), with their kinds of data. The last [`TO_DEVICE`] of
/// them convert to a device's colours. They are not needed to show a picture, but may be needed to save it again.
const KEPT_TAGS: [([u8; 4], Kind); 18] = [
    (*b"wtpt", Kind::Colour),
    (*b"bkpt", Kind::Colour),
    (*b"chad", Kind::Matrix),
    (*b"rXYZ", Kind::Colour),
    (*b"gXYZ", Kind::Colour),
    (*b"bXYZ", Kind::Colour),
    (*b"rTRC", Kind::Curve),
    (*b"gTRC", Kind::Curve),
    (*b"bTRC", Kind::Curve),
    (*b"kTRC", Kind::Curve),
    (*b"A2B0", Kind::Table),
    (*b"A2B1", Kind::Table),
    (*b"A2B2", Kind::Table),
    (*b"cicp", Kind::CodePoints),
    (*b"B2A0", Kind::Table),
    (*b"B2A1", Kind::Table),
    (*b"B2A2", Kind::Table),
    (*b"gamt", Kind::Table),
];
const TO_DEVICE: usize = 4;

/// The description and the copyright, which every profile must have (section 8.2). Here they contain only a
/// placeholder.
const TEXTS: [[u8; 4]; 2] = [*b"desc", *b"cprt"];

/// The text "-" as version 4 stores it (`multiLocalizedUnicodeType`, section 10.15).
const UNICODE: &[u8] = b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0CenUS\0\0\0\x02\0\0\0\x1C\0-";

/// Both texts as version 2 stores them (ICC.1:2001-04, sections 6.5.17 and 6.5.18). `textDescriptionType` has three
/// texts, of which two are empty here; the last of these has a fixed length.
const DESCRIPTION: &[u8] = &description();
const TEXT: &[u8] = b"text\0\0\0\0-\0";

const fn description() -> [u8; 92] {
    let mut description = [0; 92];
    let (head, _) = description.split_at_mut(14);
    head.copy_from_slice(b"desc\0\0\0\0\0\0\0\x02-\0");
    description
}

/// How to write the two texts. Version 2 specifies `Separate`, for which small profiles have no room: those in use let
/// their description overlap with other tags. All known readers of version 2 also accept `Shared` and `Absent`.
#[derive(Clone, Copy)]
enum Texts {
    Separate,
    Shared,
    Absent,
}

/// The source of a tag in the new profile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Text(&'static [u8]),
    Tag(Kind, Place),
}

/// Returns the profile without the parts that colours do not need. The result is not longer than the original, and
/// cleaning it again changes nothing. Returns `None` if the bytes are not a valid profile for a picture.
pub(super) fn clean(profile: &[u8]) -> Option<Vec<u8>> {
    let tags = Tags::read(profile)?;
    let first = if version(profile)? < 4 { Texts::Separate } else { Texts::Shared };
    let texts = [first, Texts::Shared, Texts::Absent];
    texts.into_iter().find_map(|texts| write(profile, &sources(&tags, texts, &KEPT_TAGS)))
}

/// Like [`clean`], but also without everything else that is not needed to show a picture. The result is the shortest
/// profile with the same colours.
pub(super) fn shorten(profile: &[u8]) -> Option<Vec<u8>> {
    let (kept, _) = KEPT_TAGS.split_last_chunk::<TO_DEVICE>()?;
    write(profile, &sources(&Tags::read(profile)?, Texts::Absent, kept))
}

/// Returns the tags of the new profile.
fn sources(tags: &Tags, texts: Texts, kept: &[([u8; 4], Kind)]) -> Vec<([u8; 4], Source)> {
    let [description, copyright] = match texts {
        Texts::Separate => [Some(DESCRIPTION), Some(TEXT)],
        Texts::Shared => [Some(UNICODE); 2],
        Texts::Absent => [None; 2],
    };
    let texts = TEXTS.into_iter().zip([description, copyright]);
    let texts = texts.filter(|(signature, _)| tags.find(*signature).is_some());
    let texts = texts.filter_map(|(signature, text)| Some((signature, Source::Text(text?))));
    let kept = kept.iter();
    let kept = kept.filter_map(|(signature, kind)| Some((*signature, Source::Tag(*kind, tags.find(*signature)?))));
    texts.chain(kept).collect()
}

/// Writes a profile with these tags. Returns `None` if it would be longer than the original.
fn write(profile: &[u8], sources: &[([u8; 4], Source)]) -> Option<Vec<u8>> {
    let mut output = Output::new(profile.len());
    write_header(profile, &mut output)?;
    output.put(&u32::try_from(sources.len()).ok()?.to_be_bytes())?;
    output.put_zeros(sources.len().checked_mul(ENTRY)?)?;
    let mut written: Vec<(Source, Place)> = Vec::new();
    let mut entry = HEAD;
    for (signature, source) in sources {
        // Tags that shared their data, as the three curves usually do, still share it.
        let place = match written.iter().find(|(other, _)| other == source) {
            Some((_, place)) => *place,
            None => output.element(|output| match source {
                Source::Text(text) => output.put(text),
                Source::Tag(kind, place) => kind.copy(place.slice_of(profile)?, output),
            })?,
        };
        written.push((*source, place));
        let [start, length] = place.to_be_bytes();
        output.patch(entry, [*signature, start, length].as_flattened())?;
        entry = entry.checked_add(ENTRY)?;
    }
    output.finish()
}

fn version(profile: &[u8]) -> Option<u8> {
    profile.get(8).copied().filter(|version| VERSIONS.contains(version))
}

/// Writes the header without its tag count (section 7.2). Version, class, colour spaces and intent are kept. The
/// preferred software, the date, the platform, the flags, the device's manufacturer, model and attributes, the creator,
/// and the identifier, which is a hash of the original profile, are set to zero.
fn write_header(profile: &[u8], output: &mut Output) -> Option<()> {
    let (class, spaces) = (profile.get(12..16)?, profile.get(16..24)?);
    let (picture, connection) = spaces.split_at_checked(4)?;
    let is_known = |name: &[u8], names: &[&[u8; 4]]| names.iter().any(|known| known.as_slice() == name);
    let is_for_pictures = is_known(class, &CLASSES) && is_known(picture, &PICTURE_SPACES);
    if !is_for_pictures || !is_known(connection, &CONNECTION_SPACES) {
        return None;
    }
    let intent = profile.get(67).copied().filter(|intent| *intent <= LAST_INTENT).unwrap_or_default();
    output.put_zeros(8)?;
    output.put(&[version(profile)?, *profile.get(9)?, 0, 0])?;
    output.put(class)?;
    output.put(spaces)?;
    output.put_zeros(12)?;
    output.put(b"acsp")?;
    output.put_zeros(24)?;
    output.put(&[0, 0, 0, intent])?;
    output.put(&D50)?;
    output.put_zeros(48)
}

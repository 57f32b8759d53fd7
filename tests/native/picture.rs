//! Validation of pictures and removal of their metadata (contract M1, M2). The fixtures were made with real tools (see
//! tests/fixtures/pictures/make.py), and third-party code decodes the results.

mod dropped;
mod forge;
mod icc;
mod limits;
mod mutants;
mod profiles;
mod refused;

use ::image::{
    AnimationDecoder, DynamicImage, ImageDecoder, ImageReader,
    codecs::{gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder},
};
use perfil::picture::{DEFAULT_MAX_PIXELS, NotAPicture, Picture, PictureFormat};
use std::io::Cursor;

/// A fixture, its expected orientation, and whether it has a colour profile.
struct Fixture(&'static str, u8, bool);

const FIXTURES: [Fixture; 18] = [
    Fixture("phone.jpg", 6, true),
    Fixture("progressive.jpg", 3, false),
    Fixture("cmyk.jpg", 1, true),
    Fixture("grey.jpg", 1, false),
    Fixture("restarts.jpg", 1, false),
    Fixture("interlaced.png", 8, true),
    Fixture("palette.png", 1, false),
    Fixture("deep.png", 1, false),
    Fixture("alpha.png", 1, false),
    Fixture("animated.png", 1, false),
    Fixture("still.gif", 1, false),
    Fixture("animated.gif", 1, false),
    Fixture("lossy.webp", 6, true),
    Fixture("simple.webp", 1, false),
    Fixture("lossless.webp", 1, false),
    Fixture("extended.webp", 1, false),
    Fixture("alpha.webp", 1, false),
    Fixture("animated.webp", 2, false),
];

fn picture(name: &str) -> Vec<u8> {
    std::fs::read(super::project("tests/fixtures/pictures").join(name)).unwrap()
}

fn format_of(name: &str) -> PictureFormat {
    PictureFormat::from_extension(name.rsplit_once('.').unwrap().1).unwrap()
}

fn parse(bytes: &[u8]) -> Result<Vec<u8>, NotAPicture> {
    Picture::parse(bytes.to_vec(), DEFAULT_MAX_PIXELS).map(|image| image.bytes().to_vec())
}

/// The output of a decoder: the first frame, every frame with its delay, the colour profile and the orientation.
#[derive(PartialEq)]
struct Decoded {
    still: DynamicImage,
    frames: Vec<(u32, u32, Vec<u8>)>,
    profile: Option<Vec<u8>>,
    orientation: u8,
}

fn decode(format: PictureFormat, bytes: &[u8]) -> Decoded {
    let from = || Cursor::new(bytes);
    let (profile, orientation) = match format {
        PictureFormat::Jpeg => colours_and_orientation(JpegDecoder::new(from()).unwrap()),
        PictureFormat::Png => colours_and_orientation(PngDecoder::new(from()).unwrap()),
        PictureFormat::Gif => colours_and_orientation(GifDecoder::new(from()).unwrap()),
        PictureFormat::Webp => colours_and_orientation(WebPDecoder::new(from()).unwrap()),
    };
    let still = ImageReader::new(from()).with_guessed_format().unwrap().decode().unwrap();
    Decoded { still, frames: frames(format, bytes), profile, orientation }
}

fn colours_and_orientation(mut decoder: impl ImageDecoder) -> (Option<Vec<u8>>, u8) {
    (decoder.icc_profile().unwrap(), decoder.orientation().unwrap().to_exif())
}

fn frames(format: PictureFormat, bytes: &[u8]) -> Vec<(u32, u32, Vec<u8>)> {
    let from = Cursor::new(bytes);
    let frames = match format {
        PictureFormat::Png if PngDecoder::new(from.clone()).unwrap().is_apng().unwrap() => {
            PngDecoder::new(from).unwrap().apng().unwrap().into_frames()
        }
        PictureFormat::Gif => GifDecoder::new(from).unwrap().into_frames(),
        PictureFormat::Webp if WebPDecoder::new(from.clone()).unwrap().has_animation() => {
            WebPDecoder::new(from).unwrap().into_frames()
        }
        _ => return Vec::new(),
    };
    frames
        .map(Result::unwrap)
        .map(|frame| {
            let (numerator, denominator) = frame.delay().numer_denom_ms();
            (numerator, denominator, frame.into_buffer().into_raw())
        })
        .collect()
}

/// Whether the bytes still contain metadata that must be removed, in ASCII or in the UTF-16 of Windows' tags.
fn contains_secret(bytes: &[u8]) -> bool {
    let wide: Vec<u8> = b"SECRET".iter().flat_map(|b| [*b, 0]).collect();
    bytes.windows(6).any(|window| window == b"SECRET") || bytes.windows(12).any(|window| window == wide)
}

#[test]
fn every_fixture_is_the_same_picture_without_its_metadata() {
    for Fixture(name, orientation, has_profile) in FIXTURES {
        let (format, before) = (format_of(name), picture(name));
        let image = Picture::parse(before.clone(), DEFAULT_MAX_PIXELS).unwrap_or_else(|_| panic!("{name} is refused"));
        assert_eq!(image.format(), format, "{name}");
        let after = image.bytes();
        assert!(!contains_secret(after), "{name} still has metadata");
        let (old, new) = (decode(format, &before), decode(format, after));
        assert!(old.still == new.still && old.frames == new.frames, "{name} looks different");
        let has_same_colours = match (&old.profile, &new.profile) {
            (Some(before), Some(after)) => icc::have_same_numbers(before, after),
            (before, after) => before == after,
        };
        assert!(has_same_colours, "{name} lost its colours");
        assert_eq!((old.orientation, new.orientation), (orientation, orientation), "{name}");
        assert_eq!(new.profile.is_some(), has_profile, "{name}");
        assert_eq!(parse(after).as_deref(), Ok(after), "{name} changes when it is parsed again");
        assert!(after.len() <= before.len(), "{name} grew");
    }
}

#[test]
fn animations_keep_all_their_frames() {
    for name in ["animated.png", "animated.gif", "animated.webp"] {
        let frames = decode(format_of(name), &parse(&picture(name)).unwrap()).frames;
        assert_eq!(frames.len(), 3, "{name}");
    }
}

#[test]
fn only_the_orientation_is_left_of_exif() {
    for Fixture(name, orientation, _) in FIXTURES.iter().filter(|Fixture(name, ..)| !name.ends_with("gif")) {
        let after = parse(&picture(name)).unwrap();
        let exif = exif::Reader::new().read_from_container(&mut Cursor::new(after));
        let fields: Vec<_> = exif.iter().flat_map(exif::Exif::fields).map(|f| (f.tag, f.value.get_uint(0))).collect();
        let expected =
            if *orientation == 1 { vec![] } else { vec![(exif::Tag::Orientation, Some((*orientation).into()))] };
        assert_eq!(fields, expected, "{name}");
    }
}

#[test]
fn bytes_after_the_end_of_a_picture_are_dropped() {
    let zip = b"PK\x05\x06SECRET<script>alert(1)</script>".as_slice();
    for Fixture(name, ..) in FIXTURES {
        let before = picture(name);
        for tail in [zip, b"\0", &before] {
            assert_eq!(parse(&[&before, tail].concat()), parse(&before), "{name}");
        }
    }
}

#[test]
fn a_picture_that_ends_too_early_is_refused() {
    for Fixture(name, ..) in FIXTURES {
        let before = picture(name);
        let after = parse(&before).unwrap();
        for complete in [before, after] {
            // Every length where the structure is dense, and some lengths in between.
            for end in (0..complete.len()).filter(|end| *end < 700 || end + 100 > complete.len() || end % 13 == 0) {
                assert_eq!(parse(&complete[..end]), Err(NotAPicture), "{name} up to {end}");
            }
        }
    }
}

#[test]
fn a_format_has_an_extension_and_a_media_type() {
    for (extension, media_type) in
        [("jpg", "image/jpeg"), ("png", "image/png"), ("gif", "image/gif"), ("webp", "image/webp")]
    {
        let format = PictureFormat::from_extension(extension).unwrap();
        assert_eq!((format.extension(), format.media_type()), (extension, media_type));
    }
    assert_eq!(PictureFormat::from_extension("svg"), None);
    assert_eq!(PictureFormat::from_extension("JPG"), Some(PictureFormat::Jpeg));
    assert_eq!(PictureFormat::from_extension("Jpeg"), Some(PictureFormat::Jpeg));
}

#[test]
fn debug_never_shows_the_bytes() {
    let image = Picture::parse(picture("grey.jpg"), DEFAULT_MAX_PIXELS).unwrap();
    assert_eq!(format!("{image:?}"), format!("Picture(Jpeg, {} bytes)", image.bytes().len()));
}

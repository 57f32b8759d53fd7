//! Any bytes as an upload, unchanged and with corrected lengths and checksums, and as a picture's colour profile.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perfil::picture::{DEFAULT_MAX_PIXELS, NotAPicture, Picture, PictureFormat};
use perfil_fuzz::pictures;

fuzz_target!(|data: &[u8]| {
    check(data);
    if let Some(repaired) = pictures::repaired(data) {
        check(&repaired);
    }
    check(&pictures::with_profile(data));
});

fn parse(bytes: Vec<u8>) -> Result<Picture, NotAPicture> {
    Picture::parse(bytes, DEFAULT_MAX_PIXELS)
}

fn check(bytes: &[u8]) {
    let Ok(image) = parse(bytes.to_vec()) else { return };
    let (format, after) = (image.format(), image.bytes());
    assert!(after.len() <= bytes.len(), "it grew");
    pictures::assert_is_bare(format, after);
    let again = parse(after.to_vec()).expect("the stored picture is refused");
    assert!(again.format() == format && again.bytes() == after, "the stored picture changes when it is parsed again");
    assert!(parse(after[..after.len() - 1].to_vec()).is_err(), "its last byte is not needed");
    // Bytes after the end are ignored. A WebP is excluded, because its header contains its length.
    if format != PictureFormat::Webp {
        let tail = [after, b"PK\x05\x06<script>"].concat();
        assert!(parse(tail).is_ok_and(|image| image.bytes() == after), "trailing bytes change the picture");
    }
    if format == PictureFormat::Png {
        assert_eq!(pictures::png_pixels(after), pictures::png_pixels(bytes), "the pixels differ");
    }
}

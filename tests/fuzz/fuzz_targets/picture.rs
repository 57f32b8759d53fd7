//! Any bytes as an upload, once as they are and once with lengths and check sums made right; and as a picture's colour
//! profile.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perfil::picture::{DEFAULT_MAX_PIXELS, NotAPicture, Picture, PictureFormat};
use perfil_fuzz::pictures;

fuzz_target!(|data: &[u8]| {
    check(data);
    if let Some(mended) = pictures::mended(data) {
        check(&mended);
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
    let again = parse(after.to_vec()).expect("what came out is refused");
    assert!(again.format() == format && again.bytes() == after, "it is another one the second time");
    assert!(parse(after[..after.len() - 1].to_vec()).is_err(), "its last byte is not needed");
    // What follows the end is nobody's business. WebP says where its end is.
    if format != PictureFormat::Webp {
        let tail = [after, b"PK\x05\x06<script>"].concat();
        assert!(parse(tail).is_ok_and(|image| image.bytes() == after), "a tail changes it");
    }
    if format == PictureFormat::Png {
        assert_eq!(pictures::png_pixels(after), pictures::png_pixels(bytes), "other pixels");
    }
}

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Whether a file is one that `torch.save` writes.
///
/// It has one of PyTorch's usual extensions (`.pt`, `.pth`, `.ckpt`, `.bin`), or starts like a ZIP archive, or like the
/// pickle that PyTorch wrote before 1.6. [`load_foreign`](crate::load_foreign) reads safetensors files only.
pub fn is_pytorch(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    let is_named = ["pt", "pth", "ckpt", "bin"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known));
    let mut start = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    let is_zip = start == *b"PK\x03\x04";
    let is_pickle = start[0] == 0x80 && (2..=5).contains(&start[1]);
    is_named || read.is_ok() && (is_zip || is_pickle)
}

/// A Python script that writes the state dict of a PyTorch file to a safetensors file beside it.
///
/// Of a checkpoint with more than a state dict, such as PyTorch Lightning's, it takes the entry `state_dict`.
pub fn conversion_script(path: &Path) -> String {
    // A string literal of Python.
    let literal = |path: &Path| {
        let text = path.display().to_string();
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    };
    format!(
        "import torch, safetensors.torch; weights = torch.load({}, map_location=\"cpu\")\n\
         safetensors.torch.save_file({{k: v.clone().contiguous() for k, v in weights.get(\"state_dict\", \
         weights).items()}}, {})",
        literal(path),
        literal(&path.with_extension("safetensors"))
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_of_pytorch_are_recognised_by_name_or_content() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = directory.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        assert!(is_pytorch(&file("weights.PTH", b"")));
        assert!(is_pytorch(&file("zip", b"PK\x03\x04")));
        assert!(is_pytorch(&file("pickle", b"\x80\x02\x8a\n")));
        assert!(!is_pytorch(&file("text", b"text")));
        assert!(!is_pytorch(&file("short", b"PK")));
        assert!(!is_pytorch(&directory.path().join("nothing")));
    }

    #[test]
    fn paths_in_the_script_are_escaped() {
        let script = conversion_script(Path::new("a\"b\\c.pt"));
        assert!(script.contains(r#"torch.load("a\"b\\c.pt", "#), "{script}");
        assert!(script.contains(r#", "a\"b\\c.safetensors")"#), "{script}");
    }
}

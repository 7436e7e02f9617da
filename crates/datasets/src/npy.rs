use std::io::Read;

/// An array of a NumPy file (`.npy`), as numbers of one of three kinds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    /// The sizes of the dimensions, outermost first.
    pub(crate) dimensions: Vec<usize>,
    pub(crate) elements: Elements,
}

/// The elements in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Elements {
    Bytes(Vec<u8>),
    Booleans(Vec<bool>),
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Texts(Vec<String>),
}

/// The largest size of an array in bytes: a compressed file can decode to any size.
const MAX_BYTES: usize = 1 << 31;
/// The longest header: NumPy's own limit is 10,000 characters.
const MAX_HEADER: usize = 1 << 16;
/// The longest text, in characters.
const MAX_TEXT: usize = 1000;
const MAGIC: &[u8] = b"\x93NUMPY";

/// The type of an element.
#[derive(Clone, Copy)]
struct Element {
    /// `u`, `i`, `f`, `b` or `U`, as NumPy writes it.
    kind: char,
    size: usize,
    is_big_endian: bool,
}

/// Reads an array; the header is checked before anything is allocated.
///
/// The format: NEP 1, "A Simple File Format for NumPy Arrays".
///
/// # Errors
/// The reason, in words.
pub(crate) fn read(reader: &mut impl Read) -> Result<Array, String> {
    let (element, dimensions, is_column_major) = header(reader)?;
    let is_whole = dimensions
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size));
    let bytes = is_whole.and_then(|count| count.checked_mul(element.size));
    let bytes = bytes.filter(|&bytes| bytes <= MAX_BYTES).ok_or_else(|| {
        let size = element.size;
        format!(
            "its header declares {} elements of {size} bytes, more than {MAX_BYTES} bytes",
            shape(&dimensions)
        )
    })?;
    if is_column_major && dimensions.len() > 1 {
        return Err(
            "the array is in column-major (Fortran) order: store numpy.ascontiguousarray of it"
                .to_owned(),
        );
    }
    let mut data = Vec::new();
    // The vector grows as the bytes arrive; one more byte shows that others follow.
    let limit = bytes as u64 + 1;
    let ended = reader.take(limit).read_to_end(&mut data);
    ended.map_err(|error| format!("it is damaged: {error}"))?;
    if data.len() != bytes {
        let found = if data.len() < bytes {
            format!("only {} follow", data.len())
        } else {
            "more follow".to_owned()
        };
        return Err(format!(
            "its header declares {bytes} bytes of data but {found}"
        ));
    }
    Ok(Array {
        dimensions,
        elements: element.elements(data),
    })
}

/// The type of the elements, the dimensions, and whether the order is column-major.
fn header(reader: &mut impl Read) -> Result<(Element, Vec<usize>, bool), String> {
    let mut bytes = |count: usize| {
        let mut bytes = vec![0; count];
        let read = reader.read_exact(&mut bytes);
        read.map(|()| bytes)
            .map_err(|_| "it ends within its header".to_owned())
    };
    if bytes(MAGIC.len())? != MAGIC {
        return Err("it does not start as a NumPy file does".to_owned());
    }
    let version = bytes(2)?[0];
    let length = match version {
        1 => bytes(2)?
            .iter()
            .rev()
            .fold(0, |n, &byte| n << 8 | usize::from(byte)),
        2 | 3 => bytes(4)?
            .iter()
            .rev()
            .fold(0, |n, &byte| n << 8 | usize::from(byte)),
        _ => return Err(format!("version {version} of the format is not known")),
    };
    if length > MAX_HEADER {
        return Err(format!(
            "its header has {length} bytes, expected at most {MAX_HEADER}"
        ));
    }
    let text =
        String::from_utf8(bytes(length)?).map_err(|_| "its header is not text".to_owned())?;
    let wrong = |what: &str| format!("its header has no valid `{what}`: {}", shortened(&text));
    let value = |key: &str| {
        let start = text.find(&format!("'{key}':"))? + key.len() + 3;
        Some(text[start..].trim_start())
    };
    let element = value("descr")
        .and_then(Element::parse)
        .ok_or_else(|| wrong("descr"))?;
    let element = element.map_err(|found| {
        format!("its elements are of type {found}, expected numbers, booleans or texts")
    })?;
    let order = value("fortran_order").ok_or_else(|| wrong("fortran_order"))?;
    let is_column_major = if order.starts_with("True") {
        true
    } else if order.starts_with("False") {
        false
    } else {
        return Err(wrong("fortran_order"));
    };
    let dimensions = value("shape")
        .and_then(tuple)
        .ok_or_else(|| wrong("shape"))?;
    Ok((element, dimensions, is_column_major))
}

/// A tuple of sizes: `(3, 28, 28)`, `(3,)` or `()`.
fn tuple(text: &str) -> Option<Vec<usize>> {
    let inside = text.strip_prefix('(')?.split_once(')')?.0.trim();
    let inside = inside.strip_suffix(',').unwrap_or(inside);
    if inside.is_empty() {
        return Some(Vec::new());
    }
    inside
        .split(',')
        .map(|size| size.trim().parse().ok())
        .collect()
}

/// `3 × 28 × 28`
pub(crate) fn shape(dimensions: &[usize]) -> String {
    if dimensions.is_empty() {
        return "a single number".to_owned();
    }
    let sizes: Vec<String> = dimensions.iter().map(usize::to_string).collect();
    sizes.join(" × ")
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

impl Element {
    /// Parses a type such as `'<f4'`: `None` if it is not quoted, the type itself if it is not supported.
    fn parse(text: &str) -> Option<Result<Self, String>> {
        // Structured types are lists.
        if text.starts_with('[') {
            return Some(Err("a structure".to_owned()));
        }
        let name = text.strip_prefix('\'')?.split_once('\'')?.0;
        let unknown = || Some(Err(shortened(name)));
        let mut letters = name.chars();
        let (Some(order), Some(kind)) = (letters.next(), letters.next()) else {
            return unknown();
        };
        let Ok(size) = letters.as_str().parse::<usize>() else {
            return unknown();
        };
        let is_known = match kind {
            'u' | 'i' => [1, 2, 4, 8].contains(&size),
            'f' => [4, 8].contains(&size),
            'b' => size == 1,
            // Texts of `size` characters of four bytes each.
            'U' => (1..=MAX_TEXT).contains(&size),
            _ => false,
        };
        if !is_known || !['<', '>', '|', '='].contains(&order) {
            return unknown();
        }
        Some(Ok(Self {
            kind,
            size: if kind == 'U' { 4 * size } else { size },
            is_big_endian: order == '>',
        }))
    }

    /// A text in UTF-32, padded with zeros; what is no character is replaced.
    fn text(self, bytes: &[u8]) -> String {
        let characters = bytes.chunks_exact(4).map(|bytes| {
            let mut bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
            if self.is_big_endian {
                bytes.reverse();
            }
            char::from_u32(u32::from_le_bytes(bytes)).unwrap_or(char::REPLACEMENT_CHARACTER)
        });
        characters
            .take_while(|&character| character != '\0')
            .collect()
    }

    fn elements(self, data: Vec<u8>) -> Elements {
        /// The bytes of each element, least significant first, padded to eight.
        fn words(data: &[u8], element: Element) -> impl Iterator<Item = [u8; 8]> {
            data.chunks_exact(element.size).map(move |bytes| {
                let mut word = [0; 8];
                for (place, &byte) in bytes.iter().enumerate() {
                    let place = if element.is_big_endian {
                        element.size - 1 - place
                    } else {
                        place
                    };
                    word[place] = byte;
                }
                word
            })
        }
        match (self.kind, self.size) {
            ('U', _) => Elements::Texts(
                data.chunks_exact(self.size)
                    .map(|text| self.text(text))
                    .collect(),
            ),
            ('u', 1) => Elements::Bytes(data),
            ('b', _) => Elements::Booleans(data.into_iter().map(|byte| byte != 0).collect()),
            ('f', 4) => {
                let float = |[a, b, c, d, ..]: [u8; 8]| f64::from(f32::from_le_bytes([a, b, c, d]));
                Elements::Floats(words(&data, self).map(float).collect())
            }
            ('f', _) => Elements::Floats(words(&data, self).map(f64::from_le_bytes).collect()),
            ('u', _) => {
                // Above the largest i64 nothing is valid anyway.
                let integer = |word| i64::try_from(u64::from_le_bytes(word)).unwrap_or(i64::MAX);
                Elements::Integers(words(&data, self).map(integer).collect())
            }
            _ => {
                // The sign is that of the most significant byte.
                let unused = 64 - 8 * self.size as u32;
                let integer = |word| i64::from_le_bytes(word) << unused >> unused;
                Elements::Integers(words(&data, self).map(integer).collect())
            }
        }
    }
}

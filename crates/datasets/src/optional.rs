//! The readers behind features, and what stands for each where its feature is off.

#[cfg(feature = "parquet")]
pub(crate) use crate::parquet::{has_parquet, parquet_from_path};
#[cfg(feature = "pictures")]
pub(crate) use crate::{
    folder::{has_pictures, is_picture, pictures_from_directory},
    picture::scaled_dataset,
};

#[cfg(not(feature = "parquet"))]
pub(crate) use without_parquet::{has_parquet, parquet_from_path};
#[cfg(not(feature = "pictures"))]
pub(crate) use without_pictures::{
    has_pictures, is_picture, pictures_from_directory, scaled_dataset,
};

#[cfg(not(feature = "pictures"))]
mod without_pictures {
    use std::path::Path;

    use crate::{Dataset, Error, ImageOptions, Reading, Size};

    const FEATURE: Error = Error::NotCompiled {
        source_name: "pictures",
        feature: "pictures",
    };

    pub(crate) fn has_pictures(_: &Path) -> bool {
        false
    }

    pub(crate) fn is_picture(_: &Path) -> bool {
        false
    }

    pub(crate) fn pictures_from_directory(_: &Path, _: &ImageOptions) -> Result<Reading, Error> {
        Err(FEATURE)
    }

    pub(crate) fn scaled_dataset(_: &Dataset, _: Size) -> Result<Dataset, Error> {
        Err(FEATURE)
    }
}

#[cfg(not(feature = "parquet"))]
mod without_parquet {
    use std::path::Path;

    use crate::{Error, ImageOptions, Reading};

    pub(crate) fn has_parquet(_: &Path) -> bool {
        false
    }

    pub(crate) fn parquet_from_path(_: &Path, _: &ImageOptions) -> Result<Reading, Error> {
        Err(Error::NotCompiled {
            source_name: "parquet",
            feature: "parquet",
        })
    }
}

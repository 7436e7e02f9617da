//! Figures of priors and of levels of latents.

use latent_figures::prior;

use super::*;

fn ladder() -> Small {
    small_of(
        "name = 'small'\n[model]\nkind = 'ladder-vae'\nchannels = [4, 4]\nlatent_size = 3\nlatent_channels = 1\n\
         [training]\nepochs = 2\nbatch_size = 20\n[data]\nsource = 'synthetic'\n",
        digits(),
    )
}

#[test]
fn images_of_a_row_share_their_upper_levels_only() {
    let Small { model, .. } = ladder();
    assert_eq!(model.model.levels(), [3, 49, 196]);
    let of = |shared_levels| {
        let options = SampleOptions {
            count: Some(7),
            shared_levels,
            ..SampleOptions::default()
        };
        samples(&model, &options)
    };
    let own = rows(&of(0).unwrap().latents);
    for (levels, size) in [(1, 3), (2, 52)] {
        let figure = of(levels).unwrap();
        let shared = rows(&figure.latents);
        for (index, latents) in shared.iter().enumerate() {
            // Rows of three images.
            assert_eq!(latents[..size], own[index / 3 * 3][..size], "{levels}");
            assert_eq!(latents[size..], own[index][size..], "{levels}");
        }
        assert_close(
            images(&figure)[4],
            &decoded(&model, &shared[4], 0),
            network_rounding(),
        );
    }
    let refused = of(3);
    assert!(matches!(
        refused,
        Err(Error::NoLevelBelow {
            shared: 3,
            levels: 3
        })
    ));
    let options = SampleOptions {
        shared_levels: 1,
        ..SampleOptions::default()
    };
    let refused = samples(&vae(2).model, &options);
    assert!(matches!(
        refused,
        Err(Error::NoLevelBelow { levels: 1, .. })
    ));
}

#[test]
fn curves_show_the_divergence_of_each_level() {
    let small = ladder();
    let records = small.run.metrics().unwrap();
    let curves = table(&training_curves(&records).unwrap());
    // Epoch, and training and test of the loss and of its two parts, and three levels.
    assert_eq!(curves[0].len(), 1 + 3 * 2 + 3);
    for (row, record) in curves.iter().zip(&records) {
        let levels = &row[row.len() - 3..];
        let whole = record.test["kl"];
        let sum: f64 = levels.iter().sum();
        // Each is a mean over 60 images of 32-bit numbers.
        assert!((sum - whole).abs() <= rounding(SINGLE, 100, whole));
    }
}

#[test]
fn a_figure_of_the_prior_has_a_sample_of_each_posterior() {
    let options = LatentsOptions {
        count: 40,
        ..LatentsOptions::default()
    };
    let flow = "name = 'small'\n[model]\nkind = 'vae'\nhidden = [16]\nprior = { kind = 'flow', hidden = [8] }\n\
                [training]\nepochs = 2\nbatch_size = 20\n[data]\nsource = 'synthetic'\n";
    let Small { model, data, .. } = small_of(flow, digits());
    let figure = prior(&model, &data.test, None, &options).unwrap();
    assert_eq!(figure.labels(), &data.test.labels()[..40]);
    // The points are the decoder's latents of draws, whose inverse is that of the figure of latents.
    let sampled = LatentsOptions {
        encoding: Encoding::Sample,
        ..options.clone()
    };
    let base = latents(&model, &data.test, &sampled).unwrap();
    let base = Tensor::from_slice(base.points(), (40, 2), CPU).unwrap();
    let labels = model.labels(&[0; 40]).unwrap();
    let expected = model.model.decoder_latents(&base, &labels).unwrap();
    assert_close(figure.points(), &numbers(&expected), network_rounding());
    assert!(figure.render(Format::Svg).is_ok());

    // Of a conditional model, the images of a label.
    let Small { model, data, .. } = cvae();
    let figure = prior(&model, &data.test, Some(3), &options).unwrap();
    assert!(figure.labels().iter().all(|&label| label == 3));
    let none = data.test.clone().of_classes(&[4]);
    let found = prior(&model, &none, Some(3), &options);
    assert!(matches!(found, Err(Error::NoImageOfLabel(3))));

    let Small { model, data, .. } = vae(3);
    let found = prior(&model, &data.test, None, &options);
    assert!(matches!(found, Err(Error::NotAPlane { dimensions: 3 })));
    let Small { model, data, .. } = vae(2);
    let found = prior(&model, &data.test, Some(1), &options);
    assert!(matches!(found, Err(Error::Model(_))));
}

//! The parts of charts: sheets in pixels, grid and axes, legends.

use plotters::{
    chart::{ChartBuilder, ChartContext, LabelAreaPosition},
    coord::{CoordTranslate, Shift, cartesian::Cartesian2d},
    drawing::{DrawingArea, DrawingAreaErrorKind},
    element::{Circle, DashedPathElement, PathElement},
    style::{
        Color as _, FontDesc, FontFamily, FontStyle, FontTransform, RGBAColor, RGBColor,
        ShapeStyle, TRANSPARENT, TextStyle as PlottersTextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};
use plotters_backend::DrawingBackend;

use crate::{
    axes::Axis,
    font::Weight,
    names::shortened,
    palette::{Colour, GREY, LINES, PALE, WHITE},
    shape::TextStyle,
};

/// The result of drawing on a backend.
pub(crate) type Drawn<B, T = ()> =
    Result<T, DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// The distance from the border of an area to the chart.
pub(crate) const MARGIN: f64 = 16.0;
/// The height of the title line.
pub(crate) const TITLE: f64 = 44.0;
/// The distance from an axis to its labels; half of it is the tick mark.
pub(crate) const TO_LABELS: f64 = 10.0;
/// The distance from the labels of an axis to its title, plus the height of the title.
const NAME: f64 = 14.0 + TextStyle::LABEL.size as f64;

/// A rectangle on a drawing area, measured in pixels of the chart at its natural size.
pub(crate) struct Sheet<B: DrawingBackend> {
    pub(crate) area: DrawingArea<B, Shift>,
    /// The number of backend units in a pixel.
    scale: f64,
}

impl<B: DrawingBackend> Sheet<B> {
    /// An area without a margin, scaled to fit a chart of this natural size.
    pub(crate) fn new(area: &DrawingArea<B, Shift>, (width, height): (f64, f64)) -> Self {
        let (columns, rows) = area.dim_in_pixel();
        let scale = |units, pixels| f64::from(units) / (pixels + 2.0 * MARGIN);
        let sheet = Self {
            area: area.clone(),
            scale: scale(columns, width).min(scale(rows, height)),
        };
        let (width, height) = sheet.size();
        sheet.part(MARGIN, MARGIN, width - 2.0 * MARGIN, height - 2.0 * MARGIN)
    }

    /// The width and the height.
    pub(crate) fn size(&self) -> (f64, f64) {
        let (columns, rows) = self.area.dim_in_pixel();
        (
            f64::from(columns) / self.scale,
            f64::from(rows) / self.scale,
        )
    }

    pub(crate) fn part(&self, left: f64, top: f64, width: f64, height: f64) -> Self {
        let units = |pixels: f64| (pixels * self.scale).round() as i32;
        let corner = (units(left), units(top));
        // Both ends are rounded in the same way, so that adjacent parts have no gap.
        let size = (
            units(left + width) - corner.0,
            units(top + height) - corner.1,
        );
        Self {
            area: self.area.clone().shrink(corner, size),
            scale: self.scale,
        }
    }

    /// Draws the title and returns the sheet below it; an empty title takes no space.
    pub(crate) fn below_title(&self, title: &str, left: f64) -> Drawn<B, Self> {
        let (width, height) = self.size();
        if title.is_empty() {
            return Ok(self.part(0.0, 0.0, width, height));
        }
        let at = (left, 0.0);
        self.text(title, TextStyle::TITLE, (HPos::Left, VPos::Top), at)?;
        Ok(self.part(0.0, TITLE, width, height - TITLE))
    }

    /// A length in whole units of the backend, at least 1, so that lines and discs do not vanish.
    pub(crate) fn units(&self, pixels: f64) -> i32 {
        ((pixels * self.scale).round() as i32).max(1)
    }

    pub(crate) fn style(
        &self,
        style: TextStyle,
        (horizontal, vertical): (HPos, VPos),
    ) -> PlottersTextStyle<'static> {
        let weight = match style.weight {
            Weight::Regular => FontStyle::Normal,
            Weight::SemiBold => FontStyle::Bold,
        };
        let size = f64::from(style.size) * self.scale;
        FontDesc::new(FontFamily::SansSerif, size, weight)
            .color(&rgb(style.colour))
            .pos(Pos::new(horizontal, vertical))
    }

    pub(crate) fn stroke(&self, colour: Colour, width: f64) -> ShapeStyle {
        rgb(colour).stroke_width(self.units(width) as u32)
    }

    /// The width of the widest of some texts; 0 if there are none. A text that the backend cannot
    /// measure counts as 0, since drawing it then fails.
    pub(crate) fn widest<'t>(&self, texts: impl Iterator<Item = &'t str>, style: TextStyle) -> f64 {
        let style = self.style(style, (HPos::Left, VPos::Top));
        let widths = texts.map(|text| self.area.estimate_text_size(text, &style));
        let widest = widths.flatten().map(|(width, _)| width).max();
        f64::from(widest.unwrap_or(0)) / self.scale
    }

    pub(crate) fn text(
        &self,
        text: &str,
        style: TextStyle,
        anchor: (HPos, VPos),
        (x, y): (f64, f64),
    ) -> Drawn<B> {
        let at = [x, y].map(|pixels| (pixels * self.scale).round() as i32);
        self.area
            .draw_text(text, &self.style(style, anchor), at.into())
    }

    /// Draws a disc at a position in the coordinates of an area.
    pub(crate) fn disc<C: CoordTranslate>(
        &self,
        area: &DrawingArea<B, C>,
        centre: C::From,
        radius: f64,
        colour: RGBAColor,
    ) -> Drawn<B> {
        area.draw(&Circle::new(centre, self.units(radius), colour.filled()))
    }

    /// Draws the series with this index among all series of a chart; solid and dashed lines
    /// alternate. With `mark`, each point is a disc, hollow on dashed lines.
    pub(crate) fn series<C: CoordTranslate>(
        &self,
        area: &DrawingArea<B, C>,
        points: Vec<C::From>,
        place: usize,
        mark: bool,
    ) -> Drawn<B>
    where
        C::From: Clone,
    {
        let colour = LINES[place % LINES.len()];
        let line = self.stroke(colour, 3.0);
        let is_dashed = !place.is_multiple_of(2);
        if is_dashed {
            let [dash, gap] = [9.0, 8.0].map(|length| self.units(length));
            let points = points.clone().into_iter();
            area.draw(&DashedPathElement::new(points, dash, gap, line))?;
        } else {
            area.draw(&PathElement::new(points.clone(), line))?;
        }
        for point in points.into_iter().filter(|_| mark) {
            self.disc(area, point.clone(), 5.0, rgb(colour).to_rgba())?;
            if is_dashed {
                self.disc(area, point, 2.6, rgb(WHITE).to_rgba())?;
            }
        }
        Ok(())
    }

    /// The axis of a range, below a chart; `whole` excludes ticks at fractions.
    pub(crate) fn x_axis(&self, range: (f64, f64), whole: bool, length: f64) -> Axis {
        Axis::new(range, whole, length, |ticks| self.widest_tick(ticks) + 24.0)
    }

    fn widest_tick(&self, ticks: &[(f64, String)]) -> f64 {
        let labels = ticks.iter().map(|(_, label)| label.as_str());
        self.widest(labels, TextStyle::TICK)
    }

    /// The width of a y axis with its labels, in whole pixels.
    pub(crate) fn left_of(&self, y: &Axis, name: &str) -> f64 {
        beside(self.widest_tick(y.ticks()), name).ceil()
    }

    /// A text that reads from bottom to top, from the anchor `horizontal` on.
    pub(crate) fn upwards_text(
        &self,
        text: &str,
        style: TextStyle,
        horizontal: HPos,
        (x, y): (f64, f64),
    ) -> Drawn<B> {
        let at = [x, y].map(|pixels| (pixels * self.scale).round() as i32);
        let style = self.style(style, (horizontal, VPos::Center));
        let style = style.transform(FontTransform::Rotate270);
        self.area.draw_text(text, &style, at.into())
    }

    /// The text, or its longest beginning with an ellipsis that is at most `limit` pixels wide.
    pub(crate) fn shortened(&self, text: &str, limit: f64, style: TextStyle) -> String {
        shortened(text, limit, |text| self.widest([text].into_iter(), style))
    }

    /// Draws grid, axes, ticks and labels on the whole sheet, whose left and lower parts are for the
    /// y axis and the x axis.
    pub(crate) fn axes<'a>(
        &self,
        (left, below): (f64, f64),
        (x, x_name): (Axis, &str),
        (y, y_name): (Axis, &str),
    ) -> Drawn<B, ChartContext<'a, B, Cartesian2d<Axis, Axis>>> {
        let (x_mesh, y_mesh) = (x.has_mesh, y.has_mesh);
        let mut chart = ChartBuilder::on(&self.area)
            .x_label_area_size(self.units(below))
            .y_label_area_size(self.units(left))
            .build_cartesian_2d(x, y)?;
        let anchor = (HPos::Left, VPos::Top);
        let tick = self.units(TO_LABELS / 2.0);
        let mut mesh = chart.configure_mesh();
        mesh.bold_line_style(self.stroke(PALE, 1.0))
            .light_line_style(TRANSPARENT)
            .axis_style(self.stroke(GREY, 1.0))
            .label_style(self.style(TextStyle::TICK, anchor))
            .axis_desc_style(self.style(TextStyle::LABEL, anchor))
            .set_tick_mark_size(LabelAreaPosition::Bottom, tick)
            .set_tick_mark_size(LabelAreaPosition::Left, tick);
        if !x_mesh {
            mesh.disable_x_mesh();
        }
        if !y_mesh {
            mesh.disable_y_mesh();
        }
        if !x_name.is_empty() {
            mesh.x_desc(x_name);
        }
        if !y_name.is_empty() {
            mesh.y_desc(y_name);
        }
        mesh.draw()?;
        Ok(chart)
    }
}

/// The axis of a range, at the left side of a chart.
pub(crate) fn y_axis(range: (f64, f64), length: f64) -> Axis {
    Axis::new(range, false, length, |_| {
        1.5 * f64::from(TextStyle::TICK.size)
    })
}

/// The height of an x axis with its labels, in pixels.
pub(crate) const fn below(name: &str) -> f64 {
    beside(TextStyle::TICK.size as f64, name)
}

/// The size of an axis whose labels need `labels` pixels, perpendicular to it.
pub(crate) const fn beside(labels: f64, name: &str) -> f64 {
    TO_LABELS + labels + if name.is_empty() { 0.0 } else { NAME }
}

pub(crate) fn rgb([red, green, blue]: Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

//! Converts an image of a digit to plausible strokes: the skeleton of its ink.

/// The upsampling factor, for a skeleton with subpixel positions.
const FINE: usize = 4;
const SIDE: usize = 28;
const WIDTH: usize = SIDE * FINE;

type Cell = (usize, usize);

/// The strokes of an image of 28 × 28 grey levels: points (x, y) in [0, 1].
pub(crate) fn strokes(image: &[u8]) -> Vec<Vec<[f32; 2]>> {
    /// Shorter lines, in cells, are artefacts of the thinning.
    const SHORTEST: usize = 10;
    let mut ink = finer(image);
    thin(&mut ink);
    let mut lines = lines(&ink);
    lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
    let longest = lines.first().map_or(0, Vec::len);
    lines.retain(|line| line.len() >= SHORTEST.min(longest));
    let point = |&(row, column): &Cell| {
        let place = |cell: usize| (cell as f32 + 0.5) / WIDTH as f32;
        [place(column), place(row)]
    };
    let on_page = |line: &Vec<Cell>| simplified(&line.iter().map(point).collect::<Vec<_>>());
    lines.iter().map(on_page).collect()
}

/// The ink on the upsampled grid, with interpolated grey levels.
fn finer(image: &[u8]) -> Vec<bool> {
    let at = |row: isize, column: isize| {
        let within = |place: isize| place.clamp(0, SIDE.cast_signed() - 1) as usize;
        f32::from(image[within(row) * SIDE + within(column)])
    };
    let cell = |index: usize| {
        let place = |cell: usize| (cell as f32 + 0.5) / FINE as f32 - 0.5;
        let (y, x) = (place(index / WIDTH), place(index % WIDTH));
        let (top, left) = (y.floor(), x.floor());
        let (down, right) = (y - top, x - left);
        let (row, column) = (top as isize, left as isize);
        let upper = at(row, column) * (1.0 - right) + at(row, column + 1) * right;
        let lower = at(row + 1, column) * (1.0 - right) + at(row + 1, column + 1) * right;
        upper * (1.0 - down) + lower * down > 110.0
    };
    (0..WIDTH * WIDTH).map(cell).collect()
}

/// The eight neighbours of a cell, clockwise from above. The ink of a digit does not touch the edge.
fn around(ink: &[bool], (row, column): Cell) -> [bool; 8] {
    const STEPS: [(isize, isize); 8] = [
        (-1, 0),
        (-1, 1),
        (0, 1),
        (1, 1),
        (1, 0),
        (1, -1),
        (0, -1),
        (-1, -1),
    ];
    STEPS.map(|(down, right)| {
        let (row, column) = (
            row.wrapping_add_signed(down),
            column.wrapping_add_signed(right),
        );
        row < WIDTH && column < WIDTH && ink[row * WIDTH + column]
    })
}

/// Thinning to lines of one cell. Zhang & Suen 1984.
fn thin(ink: &mut [bool]) {
    loop {
        let mut changed = false;
        for side in 0..2 {
            let goes = |index: &usize| {
                let n = around(ink, (index / WIDTH, index % WIDTH));
                let count = n.iter().filter(|&&cell| cell).count();
                let turns = (0..8).filter(|&i| !n[i] && n[(i + 1) % 8]).count();
                let (a, b) = if side == 0 {
                    (n[0] && n[2] && n[4], n[2] && n[4] && n[6])
                } else {
                    (n[0] && n[2] && n[6], n[0] && n[4] && n[6])
                };
                ink[*index] && (2..=6).contains(&count) && turns == 1 && !a && !b
            };
            let gone: Vec<usize> = (0..ink.len()).filter(goes).collect();
            changed |= !gone.is_empty();
            for index in gone {
                ink[index] = false;
            }
        }
        if !changed {
            return;
        }
    }
}

/// Traces the lines from their ends, straight ahead at crossings, and then the remaining loops.
fn lines(ink: &[bool]) -> Vec<Vec<Cell>> {
    let mut left = ink.to_vec();
    let cells: Vec<Cell> = (0..ink.len())
        .filter(|&index| ink[index])
        .map(|index| (index / WIDTH, index % WIDTH))
        .collect();
    let degree = |cell: &Cell| around(ink, *cell).iter().filter(|&&n| n).count();
    let (ends, rest): (Vec<Cell>, Vec<Cell>) = cells.iter().partition(|cell| degree(cell) == 1);
    let mut lines = Vec::new();
    for start in ends.into_iter().chain(rest) {
        if !left[start.0 * WIDTH + start.1] {
            continue;
        }
        let mut line: Vec<Cell> = touching(ink, &left, start).into_iter().collect();
        let mut here = start;
        loop {
            left[here.0 * WIDTH + here.1] = false;
            line.push(here);
            // The direction over the last few cells.
            let before = line[line.len().saturating_sub(6)];
            let Some(next) = next(&left, before, here) else {
                break;
            };
            here = next;
        }
        if line.len() > 6 {
            // Close a loop, or connect a side line to the line that it meets.
            let own = &line[line.len() - 3..];
            let meets = |cell: &Cell| !own.contains(cell) && is_near(*cell, here);
            line.extend(cells.iter().copied().find(meets));
        }
        lines.push(line);
    }
    lines
}

fn is_near(a: Cell, b: Cell) -> bool {
    a.0.abs_diff(b.0) <= 1 && a.1.abs_diff(b.1) <= 1
}

/// A cell of another line next to the start of this one.
fn touching(ink: &[bool], left: &[bool], (row, column): Cell) -> Option<Cell> {
    let near = (row.saturating_sub(1)..=row + 1)
        .flat_map(|row| (column.saturating_sub(1)..=column + 1).map(move |column| (row, column)));
    near.filter(|cell| cell.0 < WIDTH && cell.1 < WIDTH)
        .find(|cell| ink[cell.0 * WIDTH + cell.1] && !left[cell.0 * WIDTH + cell.1])
}

/// The neighbour that continues in the straightest direction.
fn next(left: &[bool], before: Cell, here: Cell) -> Option<Cell> {
    let straight = |cell: &Cell| {
        let step =
            |from: Cell, to: Cell| (to.0 as f32 - from.0 as f32, to.1 as f32 - from.1 as f32);
        let (a, b) = (step(before, here), step(here, *cell));
        (a.0 * b.0 + a.1 * b.1) / (b.0.hypot(b.1) * a.0.hypot(a.1)).max(1e-6)
    };
    let (rows, columns) = (
        here.0.saturating_sub(1)..=here.0 + 1,
        here.1.saturating_sub(1)..=here.1 + 1,
    );
    rows.flat_map(|row| columns.clone().map(move |column| (row, column)))
        .filter(|cell| cell.0 < WIDTH && cell.1 < WIDTH && left[cell.0 * WIDTH + cell.1])
        .max_by(|a, b| straight(a).total_cmp(&straight(b)))
}

/// Removes points that are close to the line between their neighbours. Douglas & Peucker 1973.
fn simplified(points: &[[f32; 2]]) -> Vec<[f32; 2]> {
    const NEAR: f32 = 0.7 / WIDTH as f32;
    let (&[first, .., last], true) = (points, points.len() > 2) else {
        return points.to_vec();
    };
    let length = (last[0] - first[0]).hypot(last[1] - first[1]);
    let distance = |point: &[f32; 2]| {
        let (x, y) = (point[0] - first[0], point[1] - first[1]);
        if length < NEAR {
            return x.hypot(y);
        }
        (x * (last[1] - first[1]) - y * (last[0] - first[0])).abs() / length
    };
    let farthest = (1..points.len() - 1)
        .max_by(|&a, &b| distance(&points[a]).total_cmp(&distance(&points[b])));
    match farthest.filter(|&index| distance(&points[index]) > NEAR) {
        None => vec![first, last],
        Some(index) => {
            let mut all = simplified(&points[..=index]);
            all.pop();
            all.extend(simplified(&points[index..]));
            all
        }
    }
}

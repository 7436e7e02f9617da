"""Makes the two fonts beside this file from Inter 4 (npm package inter-ui), with fonttools and brotli:

    npm pack inter-ui@4.1.1 && tar xzf inter-ui-4.1.1.tgz
    python subset.py package/web

Keeps the characters that pictures of latent spaces need, and writes the kerning of ASCII pairs as the
old `kern` table, which is the only one that ab_glyph reads.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._k_e_r_n import KernTable_format_0

CHARACTERS = (
    [*range(0x20, 0x7F), *range(0xA0, 0x100)]  # Latin
    + [*range(0x391, 0x3AA), *range(0x3B1, 0x3CA), 0x3D5]  # Greek
    + [*range(0x2070, 0x208F), 0x2090, *range(0x2095, 0x209D), 0x1D62, 0x2C7C]  # superscripts, subscripts
    + [*range(0x2010, 0x2015), *range(0x2018, 0x201F), 0x2022, 0x2026, 0x2032, 0x2033]  # punctuation
    + [*range(0x2190, 0x2194), 0x2113, 0x2202, 0x2206, 0x2211, 0x2212, 0x221A, 0x221E, 0x222B]
    + [0x2248, 0x2260, 0x2264, 0x2265]  # mathematics
)


def kerning(font):
    """The adjustment of every pair of ASCII glyphs, in font units."""
    names = [font.getBestCmap()[c] for c in range(0x21, 0x7F)]
    table, pairs = font["GPOS"].table, {}
    (latin,) = (s.Script.DefaultLangSys for s in table.ScriptList.ScriptRecord if s.ScriptTag == "latn")
    features = (table.FeatureList.FeatureRecord[i] for i in latin.FeatureIndex)
    (lookups,) = (f.Feature.LookupListIndex for f in features if f.FeatureTag == "kern")
    for lookup in (table.LookupList.Lookup[i] for i in lookups):
        rules = [getattr(rule, "ExtSubTable", rule) for rule in lookup.SubTable]
        if any(rule.LookupType != 2 for rule in rules):
            continue
        for left in names:
            for right in names:
                for rule in rules:  # the first subtable that covers the pair decides
                    if left not in rule.Coverage.glyphs:
                        continue
                    if rule.Format == 1:
                        records = rule.PairSet[rule.Coverage.glyphs.index(left)].PairValueRecord
                        value = next((r.Value1 for r in records if r.SecondGlyph == right), None)
                        if value is None:
                            continue
                    else:
                        first = rule.ClassDef1.classDefs.get(left, 0)
                        second = rule.ClassDef2.classDefs.get(right, 0)
                        value = rule.Class1Record[first].Class2Record[second].Value1
                    if value is not None and getattr(value, "XAdvance", 0):
                        pairs.setdefault((left, right), value.XAdvance)
                    break
    return pairs


for weight in ("Regular", "SemiBold"):
    font = TTFont(Path(sys.argv[1]) / f"Inter-{weight}.woff2")
    table = KernTable_format_0()
    table.coverage, table.tupleIndex, table.kernTable = 1, None, kerning(font)
    options = subset.Options(layout_features=[], drop_tables=["GDEF", "GPOS", "GSUB"], hinting=False)
    options.legacy_kern = True
    options.name_IDs, options.notdef_outline = [0, 1, 2, 3, 4, 5, 6, 13, 14], True
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    subsetter.subset(font)
    font["kern"] = newTable("kern")
    font["kern"].version, font["kern"].kernTables = 0, [table]
    font.flavor = None
    font.save(Path(__file__).parent / f"Inter-{weight}.ttf")
    print(weight, len(font.getBestCmap()), "characters,", len(table.kernTable), "pairs")

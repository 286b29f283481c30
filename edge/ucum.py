"""Names of units: whether a text is a unit of UCUM (ucum.org, case sensitive), and which was meant if it is none.

The grammar is UCUM's whole (2.3): terms of `.` and `/`, exponents, parentheses, factors, `{annotations}`. The atoms are
those that plants use, not those of clinical chemistry; what is missing here can be written as an annotation, `{shots}`.
"""

import re
from difflib import get_close_matches

# UCUM 2.4.1
_PREFIXES = ("Y", "Z", "E", "P", "T", "G", "M", "k", "h", "da", "d", "c", "m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("Ki", "Mi", "Gi", "Ti")
# atoms that take prefixes (UCUM 4.2 to 4.6)
_METRIC = frozenset(
    """
    A B B[SPL] B[V] B[W] Bd Bq By C Cel F G Gb Gy H Hz J K L Mx N Np Oe Ohm P Pa S St Sv T U V W Wb [cal_th] [pH]
    ar bar bit cal cd dyn eV erg g g% gf kat l lm lx m m[H2O] m[Hg] mol pc rad s sr st t tex u
    """.split()  # noqa: SIM905 - four times shorter than a list
)
_PLAIN = frozenset(
    """
    % ' '' 1 10* 10^ [Btu] [Btu_IT] [Btu_th] [HP] [IU] [S] [acr_us] [c] [car_Au] [car_m] [cft_i] [cin_i] [cyd_i]
    [degF] [degR] [degRe] [e] [ft_i] [ft_us] [g] [gal_br] [gal_us] [gr] [h] [iU] [in_i'H2O] [in_i'Hg] [in_i]
    [in_us] [k] [kn_i] [lb_av] [lbf_av] [lne] [lton_av] [mesh_i] [mi_i] [mil_i] [nmi_i] [oz_av] [pca] [pi] [pnt]
    [ppb] [ppm] [ppth] [pptr] [psi] [pt_us] [qt_us] [sft_i] [sin_i] [smoot] [ston_av] [yd_i] a a_j atm att circ d
    deg gon h har min mo mo_j sph wk
    """.split()  # noqa: SIM905 - the same
)
_ATOMS = _METRIC | _PLAIN
# what people write, in lower case, and what it is called
_MEANT = dict(
    pair.split("=")
    for pair in """
    °c=Cel degc=Cel celsius=Cel c=Cel °f=[degF] degf=[degF] °=deg degree=deg kwh=kW.h wh=W.h mwh=MW.h ah=A.h
    mah=mA.h varh=V.A.h{reactive} kvarh=kV.A.h{reactive} var=V.A{reactive} kvar=kV.A{reactive} va=V.A kva=kV.A
    rpm=/min 1/min=/min u/min=/min 1/s=/s 1/h=/h cpm=/min sec=s seconds=s second=s hour=h hours=h hr=h minute=min
    minutes=min day=d ohm=Ohm ω=Ohm µm=um μm=um µs=us μs=us micron=um m^3=m3 m³=m3 m^2=m2 m²=m2 m³/h=m3/h
    m^3/h=m3/h mm²=mm2 cm³=cm3 m/s²=m/s2 nm=N.m n*m=N.m knm=kN.m kg/m³=kg/m3 l/min=L/min lpm=L/min psi=[psi]
    inch=[in_i] in=[in_i] ft=[ft_i] lb=[lb_av] lbs=[lb_av] hp=[HP] gal=[gal_us] percent=% pct=% ppm=[ppm]
    ppb=[ppb] ph=[pH] rh=%{RH} %rh=%{RH} pcs={pcs} piece={pieces} pieces={pieces} adet={adet} count={count}
    counts={count} parts={parts} bytes=By byte=By kg/cm2=kgf/cm2 mmhg=mm[Hg] mh2o=m[H2O] tonne=t ton=t litre=L
    liter=L volt=V amp=A ampere=A watt=W hertz=Hz newton=N pascal=Pa kelvin=K gram=g db=dB g-force=[g] lux=lx
    lumen=lm
    """.split()  # noqa: SIM905 - the same
)
# so common, and so little to be mistaken for anything else, that they are taken as they are
_HOURS = {"Wh": "W.h", "kWh": "kW.h", "MWh": "MW.h", "GWh": "GW.h"}
_ANNOTATION = re.compile(r"\{[\x21-\x7a\x7c\x7e ]*\}")
_FACTOR = re.compile(r"[1-9][0-9]*")
_EXPONENT = re.compile(r"[+-]?[1-9][0-9]*$")
# a factor beyond this is a number in the wrong place
_LONGEST = 50


def is_unit(text: str) -> bool:
    """Return whether a text is a unit; nothing at all is the unit of a pure number."""
    if len(text) > _LONGEST:
        return False
    position = _term(text, 0)
    return text == "" or position == len(text)


def canonical(text: str) -> str:
    """Return a unit under UCUM's name; watt-hours may be written as every meter writes them."""
    return _HOURS.get(text, text)


def meant(text: str) -> str | None:
    """Return the unit that was probably meant by a text that is none, or None."""
    word = text.strip()
    found = _MEANT.get(word.lower())
    # `nm` is a nanometre in UCUM, and mN is not Nm: only what is no unit comes here, so the table may be generous
    if found is not None:
        return found
    if is_unit(word):
        return word
    spelled = (
        word.replace("·", ".").replace("*", ".").replace("²", "2").replace("³", "3").replace("^", "").replace("µ", "u")
    )
    spelled = spelled.replace("μ", "u").replace(" per ", "/").replace("°C", "Cel").replace(" ", "")
    if is_unit(spelled):
        return spelled
    candidates = {
        atom.lower(): atom
        for atom in sorted(_ATOMS | {"kW", "kN", "mm", "kg", "mA", "kV", "kPa", "MPa", "mbar", "kW.h"})
    }
    near = get_close_matches(word.lower(), candidates, n=1, cutoff=0.6)
    return candidates[near[0]] if near else None


def _term(text: str, at: int, depth: int = 0) -> int:
    """Return where the term that begins at `at` ends, -1 if there is none (UCUM 2.3, `main-term` and `term`)."""
    if text[at : at + 1] == "/":
        at += 1
    at = _component(text, at, depth)
    while at > 0 and text[at : at + 1] in {".", "/"}:
        at = _component(text, at + 1, depth)
    return at


def _component(text: str, at: int, depth: int) -> int:
    if text[at : at + 1] == "(":
        # the length bounds the depth too
        end = _term(text, at + 1, depth + 1)
        return end + 1 if end > 0 and text[end : end + 1] == ")" else -1
    end = at
    while end < len(text) and text[end] not in "./(){":
        end = text.index("]", end) + 1 if text[end] == "[" and "]" in text[end:] else end + 1
    if end > at and not _is_simple(text[at:end]):
        return -1
    annotation = _ANNOTATION.match(text, end)
    if annotation is not None:
        return annotation.end()
    return end if end > at else -1


def _is_simple(text: str) -> bool:
    """Return whether a text is a factor, or an atom with its prefix and exponent."""
    if _FACTOR.fullmatch(text) or _is_symbol(text):
        return True
    exponent = _EXPONENT.search(text)
    return exponent is not None and _is_symbol(text[: exponent.start()])


def _is_symbol(text: str) -> bool:
    if text in _ATOMS:
        return True
    return any(text.startswith(prefix) and text[len(prefix) :] in _METRIC for prefix in _PREFIXES) or any(
        text.startswith(prefix) and text[len(prefix) :] in {"bit", "By"} for prefix in _BINARY
    )

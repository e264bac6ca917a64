// Character references (`&amp;`, `&#169;`) → characters. The page may not ask the browser's HTML parser, so the names
// that people and models do use stand here; any other name stays as it was written.

/** @type {Record<string, string>} */
const NAMED = {};
for (const entry of (
  "amp:& lt:< gt:> quot:\" apos:' nbsp:\u00a0 shy:\u00ad ensp:\u2002 emsp:\u2003 thinsp:\u2009 zwnj:\u200c zwj:\u200d " +
  "lrm:\u200e rlm:\u200f Tab:\t NewLine:\n colon:: sol:/ bsol:\\ lpar:( rpar:) lbrack:[ rbrack:] lsqb:[ rsqb:] lcub:{ " +
  "rcub:} vert:| verbar:| num:# dollar:$ percnt:% ast:* plus:+ comma:, period:. semi:; equals:= quest:? commat:@ excl:! " +
  "lowbar:_ grave:` Hat:^ hyphen:‐ ndash:– mdash:— lsquo:‘ rsquo:’ sbquo:‚ ldquo:“ rdquo:” bdquo:„ laquo:« raquo:» " +
  "lsaquo:‹ rsaquo:› hellip:… bull:• middot:· dagger:† Dagger:‡ permil:‰ prime:′ Prime:″ iexcl:¡ iquest:¿ brvbar:¦ " +
  "sect:§ para:¶ copy:© reg:® trade:™ deg:° micro:µ ordf:ª ordm:º not:¬ macr:¯ uml:¨ acute:´ cedil:¸ cent:¢ pound:£ " +
  "curren:¤ yen:¥ euro:€ frac12:½ frac14:¼ frac34:¾ sup1:¹ sup2:² sup3:³ plusmn:± minus:− times:× divide:÷ frasl:⁄ " +
  "ne:≠ le:≤ ge:≥ asymp:≈ equiv:≡ infin:∞ radic:√ sum:∑ prod:∏ int:∫ part:∂ nabla:∇ isin:∈ notin:∉ ni:∋ cap:∩ cup:∪ " +
  "sub:⊂ sup:⊃ sube:⊆ supe:⊇ and:∧ or:∨ forall:∀ exist:∃ empty:∅ there4:∴ sim:∼ cong:≅ prop:∝ ang:∠ perp:⊥ larr:← " +
  "uarr:↑ rarr:→ darr:↓ harr:↔ lArr:⇐ rArr:⇒ hArr:⇔ crarr:↵ check:✓ cross:✗ star:☆ spades:♠ clubs:♣ hearts:♥ diams:♦ " +
  "loz:◊ Alpha:Α Beta:Β Gamma:Γ Delta:Δ Theta:Θ Lambda:Λ Pi:Π Sigma:Σ Phi:Φ Psi:Ψ Omega:Ω alpha:α beta:β gamma:γ " +
  "delta:δ epsilon:ε zeta:ζ eta:η theta:θ iota:ι kappa:κ lambda:λ mu:μ nu:ν xi:ξ pi:π rho:ρ sigma:σ tau:τ upsilon:υ " +
  "phi:φ chi:χ psi:ψ omega:ω Agrave:À Aacute:Á Acirc:Â Atilde:Ã Auml:Ä Aring:Å AElig:Æ Ccedil:Ç Egrave:È Eacute:É " +
  "Ecirc:Ê Euml:Ë Iacute:Í Ntilde:Ñ Oacute:Ó Ocirc:Ô Ouml:Ö Oslash:Ø Uacute:Ú Uuml:Ü szlig:ß agrave:à aacute:á acirc:â " +
  "atilde:ã auml:ä aring:å aelig:æ ccedil:ç egrave:è eacute:é ecirc:ê euml:ë igrave:ì iacute:í icirc:î iuml:ï ntilde:ñ " +
  "ograve:ò oacute:ó ocirc:ô otilde:õ ouml:ö oslash:ø ugrave:ù uacute:ú ucirc:û uuml:ü yacute:ý yuml:ÿ OElig:Œ oelig:œ " +
  "Scaron:Š scaron:š"
).split(/ (?=\w)/)) {
  const colon = entry.indexOf(":");
  NAMED[entry.slice(0, colon)] = entry.slice(colon + 1);
}

const REFERENCE = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));/g;

/** @param {string} text */
export function decode(text) {
  if (!text.includes("&")) return text;
  return text.replace(REFERENCE, (whole, decimal, hexadecimal, name) => {
    if (name !== undefined) return Object.hasOwn(NAMED, name) ? NAMED[name] : whole;
    return character(decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number.parseInt(decimal, 10));
  });
}

/** @param {number} code */
function character(code) {
  const impossible = code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff);
  return impossible ? "\ufffd" : String.fromCodePoint(code);
}

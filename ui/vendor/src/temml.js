// Loaded when an answer holds a formula: TeX to MathML.

export { default as temml } from "temml";

export { uPlot } from "./src/uplot.js";

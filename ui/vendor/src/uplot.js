// Loaded with the first chart.

export { default as uPlot } from "uplot";

import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useStore } from "../lib/store";
import { theme } from "../shell/theme";

export interface Line {
  label: string;
  color: string; // a custom property of base.css
  values: (number | null)[];
  area?: boolean;
  bars?: boolean;
}

interface ChartProps {
  label: string; // what a reader who does not see it is told
  times: number[]; // seconds since 1970, ascending
  lines: Line[];
  format: (value: number) => string;
  height?: number;
  whole?: boolean; // the values are counts
  span?: number; // seconds up to the last sample that are shown, whether there are samples for all of them or not
}

/** Canvas knows no custom properties: what they are in the theme in force. */
function colorOf(name: string, alpha = 1): string {
  const probe = document.createElement("i");
  probe.style.color = alpha === 1 ? `var(${name})` : `color-mix(in srgb, var(${name}) ${alpha * 100}%, transparent)`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

const two = (n: number): string => String(n).padStart(2, "0");

/** Times of day, with seconds where they are close, as days where they are far apart. */
function timeLabels(splits: number[]): string[] {
  const step = splits.length > 1 ? splits[1]! - splits[0]! : 60;
  return splits.map((split) => {
    const time = new Date(split * 1000);
    if (step >= 86_400) return time.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
    return `${two(time.getHours())}:${two(time.getMinutes())}${step < 60 ? `:${two(time.getSeconds())}` : ""}`;
  });
}

function optionsOf({ lines, format, height = 180, span, whole }: ChartProps, width: number): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colorOf("--ink-faint"),
    grid: { stroke: colorOf("--line"), width: 1 },
    ticks: { show: false },
    font: `11.5px ${getComputedStyle(document.documentElement).fontFamily}`,
  };
  return {
    width,
    height,
    padding: [8, 8, 0, 0],
    cursor: { y: false, points: { size: 7 } },
    legend: { live: true },
    scales: { ...(span && { x: { range: (_plot: uPlot, _from: number, to: number): uPlot.Range.MinMax => [to - span, to] } }), y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.12 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, space: 76, size: 34, values: (_plot, splits) => timeLabels(splits) },
      { ...axis, size: 56, values: (_plot, values) => values.map((value) => format(value)), space: 36, ...(whole && { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500].flatMap((n) => [n, n * 1e3, n * 1e6]).sort((a, b) => a - b) }) },
    ],
    series: [
      { value: (_plot, value) => (value === null ? "" : new Date(value * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })), label: "Time" },
      ...lines.map(
        ({ label, color, area, bars }): uPlot.Series => ({
          label,
          stroke: colorOf(color),
          width: bars ? 0 : 1.6,
          ...((area || bars) && { fill: colorOf(color, bars ? 0.75 : 0.14) }),
          ...(bars && uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.72, 40], radius: 0.2 }) }),
          // A few values far apart would make no line.
          points: { show: (plot, i) => !bars && [...plot.data[i]!].filter((value) => value != null).length < 40, size: 5 },
          value: (_plot, value) => (value === null ? "–" : format(value)),
        }),
      ),
    ],
  };
}

export function Chart(props: ChartProps) {
  const { label, times, lines } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const choice = useStore(theme);
  const latest = useRef(props);
  latest.current = props;
  const shape = lines.map((line) => line.label + line.color).join() + props.span;

  useEffect(() => {
    const parent = box.current!;
    const make = () => {
      plot.current?.destroy();
      const { times: x, lines: all } = latest.current;
      plot.current = new uPlot(optionsOf(latest.current, parent.clientWidth), [x, ...all.map((line) => line.values)], parent);
    };
    make();
    const media = window.matchMedia("(prefers-color-scheme: dark)");
    media.addEventListener("change", make);
    const resized = new ResizeObserver(() => {
      if (plot.current && plot.current.width !== parent.clientWidth) plot.current.setSize({ width: parent.clientWidth, height: latest.current.height ?? 180 });
    });
    resized.observe(parent);
    return () => {
      media.removeEventListener("change", make);
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, choice]);
  useEffect(() => {
    plot.current?.setData([times, ...lines.map((line) => line.values)]);
  }, [times, lines]);
  return <div ref={box} className="chart" role="img" aria-label={label} />;
}

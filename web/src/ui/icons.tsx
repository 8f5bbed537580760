import type { ReactNode } from "react";

const shapes = {
  search: "M10.500 4a6.500 6.500 0 1 0 0 13a6.500 6.500 0 0 0 0-13ZM15.500 15.500 20 20",
  documents: "M7 3h7l4 4v13a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1ZM14 3v4h4M9 12h6M9 16h6",
  pipeline: "M3 12c3-4 6-4 9 0s6 4 9 0M3 6h4M17 18h4",
  topics: "M4 6h16M4 12h16M4 18h10",
  groups: "M9 11a3 3 0 1 0 0-6a3 3 0 0 0 0 6ZM3.500 19c.5-3 2.500-4.500 5.500-4.500s5 1.500 5.500 4.500M16 11.500a2.500 2.500 0 1 0 0-5M17 14.700c2 .4 3.200 1.800 3.500 4.300",
  dead: "M12 3a8 8 0 0 0-5 14v3h10v-3a8 8 0 0 0-5-14ZM9 12h.01M15 12h.01M11 20v-2M13 20v-2",
  analytics: "M4 20V4M4 20h16M8 16v-4M12 16V8M16 16v-6",
  system: "M5 4h14v6H5zM5 14h14v6H5zM8 7h.01M8 17h.01",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  check: "M5 12.500l4.500 4.500L19 7.500",
  right: "M9 5l7 7-7 7",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  menu: "M4 7h16M4 12h16M4 17h16",
  warn: "M12 4 2.800 19.500h18.400ZM12 10v4.500M12 17.200h.01",
  info: "M12 3.500a8.500 8.500 0 1 0 0 17a8.500 8.500 0 0 0 0-17ZM12 11v5.500M12 7.800h.01",
  tray: "M4 14h4l1.500 3h5l1.500-3h4M4 14v5h16v-5L17 5H7Z",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  upload: "M12 16V4M7 9l5-5 5 5M4 16v4h16v-4",
  download: "M12 4v12M7 11l5 5 5-5M4 20h16",
  sun: "M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8ZM12 2v2.500M12 19.500V22M2 12h2.500M19.500 12H22M5 5l1.700 1.700M17.300 17.300 19 19M5 19l1.700-1.700M17.300 6.700 19 5",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500Z",
  screen: "M4 5h16v11H4zM9 20h6M12 16v4",
  filter: "M4 5h16l-6 7.500V19l-4 1.500v-8Z",
  compare: "M4 5h7v14H4zM13 5h7v14h-7z",
  play: "M7 4.500v15l12-7.500Z",
  pause: "M8 5v14M16 5v14",
  edit: "M4 20h4L19.500 8.500l-4-4L4 16Z",
  send: "M4 12 20 4l-5 16-3.500-6.500Z",
  settings: "M5 7h9M18 7h1M5 17h2M11 17h8M14 4.800v4.400M11 14.800v4.400",
  folder: "M3.500 6h6l2 2.500h9V19h-17Z",
  external: "M13 4h7v7M20 4l-9 9M9 5H4v15h15v-5",
  back: "M15 5l-7 7 7 7",
  terminal: "M4 5h16v14H4zM7.500 9.500 10 12l-2.500 2.500M12.500 15H16",
  clock: "M12 3.500a8.500 8.500 0 1 0 0 17a8.500 8.500 0 0 0 0-17ZM12 7.500V12l3 2",
  replay: "M4.500 12a7.500 7.500 0 1 0 2.500-5.600M4 4v4.500h4.500",
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={shapes[name]} />
    </svg>
  );
}

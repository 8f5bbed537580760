import type { IconName } from "../ui/icons";

export interface Place {
  href: string;
  label: string;
  icon: IconName;
  key: string; // after g
  words: string; // what else the command palette finds it by
}

export const places: Place[] = [
  { href: "/", label: "Search", icon: "search", key: "s", words: "ask question passages" },
  { href: "/documents", label: "Documents", icon: "documents", key: "d", words: "upload add files folder" },
  { href: "/pipeline", label: "Pipeline", icon: "pipeline", key: "p", words: "workers throughput lag rates instances" },
  { href: "/topics", label: "Topics", icon: "topics", key: "t", words: "kafka messages partitions log" },
  { href: "/groups", label: "Consumer groups", icon: "groups", key: "c", words: "lag offsets reset members" },
  { href: "/dead-letters", label: "Dead letters", icon: "dead", key: "x", words: "failed retry redrive purge poison dlq" },
  { href: "/analytics", label: "Analytics", icon: "analytics", key: "a", words: "queries latency statistics" },
  { href: "/system", label: "System", icon: "system", key: "y", words: "health settings configuration metrics brokers version" },
];

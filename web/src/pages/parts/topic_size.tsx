import { useQuery } from "@tanstack/react-query";
import { messageWeight } from "../../api/queries";
import { bytes } from "../../lib/format";

/** About: the messages' number times what the newest of them weigh. Brokers keep them compressed, and as often as there are replicas. */
export function TopicSize({ name, messages }: { name: string; messages: number }) {
  const { data } = useQuery({ ...messageWeight(name), enabled: messages > 0 });
  if (messages === 0) return bytes(0);
  return data == null ? <span className="faint">…</span> : `≈ ${bytes(data * messages)}`;
}

import { Autocomplete } from "@base-ui/react/autocomplete";
import { Dialog } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { groups, topics } from "../api/queries";
import { useStore } from "../lib/store";
import { withQuery } from "../lib/url_state";
import { Icon, type IconName } from "../ui/icons";
import { places } from "./places";
import { helpOpen, paletteOpen } from "./shortcuts";
import { nextTheme } from "./theme";

interface Command {
  id: string;
  label: string;
  words: string;
  icon: IconName;
  hint?: string;
  run: () => void;
}

function useCommands(typed: string): Command[] {
  const [, navigate] = useLocation();
  const { data: topicList } = useQuery(topics);
  const { data: groupList } = useQuery(groups);
  const commands: Command[] = places.map((place) => ({
    id: place.href,
    label: place.label,
    words: place.words,
    icon: place.icon,
    hint: `g ${place.key}`,
    run: () => navigate(place.href),
  }));
  commands.push(
    { id: "add", label: "Add documents", words: "upload files folder write paste new", icon: "upload", run: () => navigate("/documents?add=files") },
    { id: "topic", label: "Create a topic", words: "new kafka", icon: "plus", run: () => navigate("/topics?create=1") },
    { id: "theme", label: "Change the theme", words: "dark light mode", icon: "moon", run: nextTheme },
    { id: "keys", label: "Keyboard shortcuts", words: "help", icon: "info", hint: "?", run: () => helpOpen.set(true) },
    { id: "docs", label: "Open the API page", words: "openapi docs swagger", icon: "external", run: () => window.location.assign("/docs") },
  );
  for (const { name } of topicList?.topics ?? []) {
    commands.push({ id: `t ${name}`, label: name, words: "topic messages", icon: "topics", hint: "topic", run: () => navigate(`/topics/${encodeURIComponent(name)}`) });
  }
  for (const { name } of groupList?.groups ?? []) {
    commands.push({ id: `g ${name}`, label: name, words: "consumer group lag", icon: "groups", hint: "group", run: () => navigate(`/groups/${encodeURIComponent(name)}`) });
  }
  const wanted = typed.trim().toLowerCase();
  const found = commands.filter(({ label, words }) => wanted.split(/\s+/).every((word) => `${label} ${words}`.toLowerCase().includes(word)));
  if (wanted) {
    found.push({ id: "ask", label: `Search for “${typed.trim()}”`, words: "", icon: "search", run: () => navigate(withQuery("/", { q: typed.trim() })) });
    if (/^\d+$/.test(wanted)) {
      found.unshift({ id: "document", label: `Open document ${wanted}`, words: "", icon: "documents", run: () => navigate(`/documents/${wanted}`) });
    }
  }
  return found;
}

function Commands() {
  const [typed, setTyped] = useState("");
  const commands = useCommands(typed);
  return (
    <Autocomplete.Root<Command> items={commands} filter={null} value={typed} onValueChange={(value) => setTyped(value)} itemToStringValue={(item) => item.label} open inline autoHighlight="always" keepHighlight>
      <div className="with-icon palette-box">
        <Icon name="search" />
        <Autocomplete.Input className="input" placeholder="Go to a page, a topic, a group; or search" aria-label="Command" />
      </div>
      <Autocomplete.List className="palette-list">
        {(command: Command) => (
          <Autocomplete.Item
            key={command.id}
            value={command}
            className="palette-item"
            onClick={() => {
              paletteOpen.set(false);
              command.run();
            }}
          >
            <Icon name={command.icon} />
            <span className="palette-label">{command.label}</span>
            {command.hint && <span className="faint">{command.hint}</span>}
          </Autocomplete.Item>
        )}
      </Autocomplete.List>
    </Autocomplete.Root>
  );
}

export function Palette() {
  const open = useStore(paletteOpen);
  return (
    <Dialog.Root open={open} onOpenChange={(next) => paletteOpen.set(next)}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog palette" aria-label="Command palette">
          <Commands />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

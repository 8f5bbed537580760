import { type ColumnDef, type RowData, type SortingState, getCoreRowModel, getSortedRowModel, useReactTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type MouseEvent, type ReactNode, useEffect, useMemo, useRef } from "react";
import { flexRender } from "@tanstack/react-table";
import { useUrlState } from "../lib/url_state";
import { useNarrow } from "./basics";
import { Icon } from "./icons";

declare module "@tanstack/react-table" {
  interface ColumnMeta<TData extends RowData, TValue> {
    width: string; // as in grid-template-columns
    right?: boolean;
    wideOnly?: boolean; // left out on phones
  }
}

export type Column<T> = ColumnDef<T, any>; // eslint-disable-line -- as TanStack Table's own examples do

interface TableProps<T> {
  label: string;
  rows: T[];
  columns: Column<T>[];
  rowId: (row: T) => string;
  onOpen?: (row: T) => void;
  onNearEnd?: () => void;
  chosen?: string;
  fresh?: (row: T) => boolean;
  foot?: ReactNode;
  empty?: ReactNode;
  rowHeight?: number;
  /** The address's name of the order; null: the rows stay as they are given. */
  sortName?: string | null;
  defaultSort?: string;
}

function parseSort(text: string): SortingState {
  if (!text) return [];
  const desc = text.startsWith("-");
  return [{ id: desc ? text.slice(1) : text, desc }];
}

/** Rows of any number: only those in view are in the page. Sorting is part of the address. */
export function DataTable<T>({ label, rows, columns, rowId, onOpen, onNearEnd, chosen, fresh, foot, empty, rowHeight = 53, sortName = "sort", defaultSort = "" }: TableProps<T>) {
  const narrow = useNarrow();
  const [sort, setSort] = useUrlState(sortName ?? "sort", defaultSort);
  const shown = useMemo(() => columns.filter((column) => !narrow || !column.meta?.wideOnly), [columns, narrow]);
  const sorting = useMemo(() => (sortName === null ? [] : parseSort(sort)), [sort, sortName]);
  const table = useReactTable({
    data: rows,
    columns: shown,
    state: { sorting },
    enableSorting: sortName !== null,
    getRowId: rowId,
    onSortingChange: (update) => {
      const [next] = typeof update === "function" ? update(sorting) : update;
      setSort(next ? (next.desc ? "-" : "") + next.id : "");
    },
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
  });
  const scroller = useRef<HTMLDivElement>(null);
  const model = table.getRowModel().rows;
  const virtualizer = useVirtualizer({ count: model.length, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 12 });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= model.length - 30) onNearEnd?.();
  }, [last, model.length, onNearEnd]);

  const template = shown.map((column) => column.meta?.width ?? "1fr").join(" ");
  const open = (event: MouseEvent | KeyboardEvent, row: T) => {
    if ((event.target as HTMLElement).closest("a,button,input")) return;
    if (window.getSelection()?.toString()) return;
    onOpen?.(row);
  };
  return (
    <div className="table">
      <div className="table-scroll" ref={scroller} role="table" aria-label={label} aria-rowcount={model.length + 1} tabIndex={0}>
        <div role="rowgroup">
          {table.getHeaderGroups().map((group) => (
            <div className="table-row head" role="row" key={group.id} style={{ gridTemplateColumns: template }}>
              {group.headers.map((header) => {
                const direction = header.column.getIsSorted();
                const text = flexRender(header.column.columnDef.header, header.getContext());
                return (
                  <div key={header.id} role="columnheader" className={`cell ${header.column.columnDef.meta?.right ? "right" : ""}`} aria-sort={direction ? (direction === "desc" ? "descending" : "ascending") : undefined}>
                    {header.column.getCanSort() ? (
                      <button type="button" className="sorter" onClick={header.column.getToggleSortingHandler()}>
                        {text}
                        {direction && <Icon name={direction === "desc" ? "down" : "up"} />}
                      </button>
                    ) : (
                      text
                    )}
                  </div>
                );
              })}
            </div>
          ))}
        </div>
        {model.length === 0 ? (
          <div role="rowgroup">
            <div role="row">
              <div role="cell">{empty}</div>
            </div>
          </div>
        ) : (
          <div role="rowgroup" style={{ height: virtualizer.getTotalSize(), position: "relative" }}>
            {items.map((item) => {
              const row = model[item.index]!;
              const classes = ["table-row", onOpen && "link", chosen === row.id && "chosen", fresh?.(row.original) && "fresh"];
              return (
                <div
                  key={row.id}
                  role="row"
                  aria-rowindex={item.index + 2}
                  className={classes.filter(Boolean).join(" ")}
                  style={{ gridTemplateColumns: template, height: rowHeight, position: "absolute", top: 0, transform: `translateY(${item.start}px)` }}
                  onClick={(event) => open(event, row.original)}
                >
                  {row.getVisibleCells().map((cell) => (
                    <div key={cell.id} role="cell" className={`cell ${cell.column.columnDef.meta?.right ? "right" : ""}`}>
                      {flexRender(cell.column.columnDef.cell, cell.getContext())}
                    </div>
                  ))}
                </div>
              );
            })}
          </div>
        )}
      </div>
      {foot && <div className="table-foot">{foot}</div>}
    </div>
  );
}

import { Component, type ReactNode } from "react";
import { Icon } from "../ui/icons";

/** A page that fails does not take the others with it. A part that cannot be loaded is of an older console: load anew. */
export class Boundary extends Component<{ children: ReactNode }, { failure: Error | null }> {
  override state = { failure: null as Error | null };
  static getDerivedStateFromError(failure: Error) {
    return { failure };
  }
  override render() {
    if (!this.state.failure) return this.props.children;
    return (
      <div className="page">
        <div className="notice bad" role="alert">
          <Icon name="warn" />
          <div className="stack">
            <div>This page could not be shown: {this.state.failure.message}</div>
            <div>
              <button type="button" className="button small" onClick={() => window.location.reload()}>
                Load it again
              </button>
            </div>
          </div>
        </div>
      </div>
    );
  }
}

/** The little of 3Dmol that the dashboard uses. */
declare module "3dmol/build/3Dmol.es6-min.js" {
  export interface Viewer {
    addModel(text: string, format: "xyz"): unknown;
    clear(): void;
    setStyle(selection: object, style: object): void;
    zoomTo(): void;
    rotate(degrees: number, axis: "x" | "y" | "z"): void;
    resize(): void;
    render(): void;
  }
  export function createViewer(element: HTMLElement, config: object): Viewer;
}

export function electronBinary(): string | undefined;
export function startElectron(dataFolder: string): void;

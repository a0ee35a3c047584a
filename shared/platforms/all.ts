import { imageDirectory } from './image-directory.ts';
import { libvirt } from './libvirt.ts';

/** Every kind of platform; forms, validation and the agent's list are derived from it. */
export const allPlatforms = { libvirt, 'image-directory': imageDirectory } as const;

export type PlatformKind = keyof typeof allPlatforms;
export const platformKinds = Object.keys(allPlatforms) as [PlatformKind, ...PlatformKind[]];

import { VENDOR_NAMES, type VendorName } from '@conclave/contracts';
import type { Vendor } from './vendor-parts.ts';

/** The vendors that contracts name, in that order, each by the file of its name: `vendors/<name>.ts`. */
export const VENDORS: readonly Vendor[] = await Promise.all(VENDOR_NAMES.map(load));

const byName = new Map(VENDORS.map((vendor) => [vendor.name, vendor]));

export function vendorOf(name: VendorName): Vendor {
  const vendor = byName.get(name);
  if (vendor === undefined) throw new Error(`no vendor ${name} among ${[...byName.keys()].join(', ')}`);
  return vendor;
}

/** @throws when a vendor has no file, or its file is another vendor's */
async function load(name: VendorName): Promise<Vendor> {
  const file = `./vendors/${name}.ts`;
  const { vendor }: { vendor: Vendor } = await import(file);
  if (vendor.name !== name) throw new Error(`${file} is of ${vendor.name}, not ${name}`);
  return vendor;
}

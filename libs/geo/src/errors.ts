/** The address names no place that can be resolved: the caller's mistake. The message never repeats the address. */
export class PlaceNotFound extends Error {
  override readonly name = 'PlaceNotFound'
}

/** The geocoder gave no usable answer in time. Trying again later may help. */
export class GeocoderUnavailable extends Error {
  override readonly name = 'GeocoderUnavailable'
}

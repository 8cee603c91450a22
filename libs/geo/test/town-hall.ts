/** As Nominatim answers. */
export const townHall = {
  place_id: 1,
  lat: '59.9121',
  lon: '10.7336',
  category: 'amenity',
  type: 'townhall',
  name: 'Oslo rådhus',
  display_name: 'Oslo rådhus, Rådhusplassen 1, Sentrum, Oslo, 0037, Norge',
  address: {
    road: 'Rådhusplassen',
    house_number: '1',
    city: 'Oslo',
    state: 'Oslo',
    country: 'Norge',
    country_code: 'no',
  },
  boundingbox: ['59.9', '59.9', '10.7', '10.7'],
}

/** The same, as a place. */
export const townHallPlace = {
  title: 'Oslo rådhus',
  formattedAddress: 'Oslo rådhus, Rådhusplassen 1, Sentrum, Oslo, 0037, Norge',
  country: 'Norway',
  countryCode: 'NO',
  latitude: 59.9121,
  longitude: 10.7336,
  city: 'Oslo',
  region: 'Oslo',
  street: 'Rådhusplassen 1',
  subtitle: 'Rådhusplassen 1, Oslo, Norway',
  tags: ['amenity', 'townhall'],
}

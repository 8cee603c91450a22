/** What groups are called: `PLACE ADJECTIVE WORD WORD NOUN`. */
export const ADJECTIVES = `Morning Evening Sunday Weekend Friendly Happy Serious Casual Urban Rural Coastal Northern
  Southern Old Young United Royal Golden Silver Green Blue Red Wild Quiet Swift Brave Lucky Little Grand Open Free Rapid
  Midnight Winter Summer Alpine Harbour Valley Forest River`.split(/\s+/)

export const NOUNS = `Runners Cyclists Climbers Swimmers Rowers Skiers Hikers Walkers Sailors Divers Surfers Skaters
  Golfers Fencers Archers Boxers Dancers Riders Paddlers Strikers Keepers Wanderers Rovers Rangers Racers Jumpers
  Throwers Lifters Orienteers Triathletes Footballers Bowlers Wrestlers Gymnasts Snowboarders Kayakers Judokas Dribblers
  Spikers Batters`.split(/\s+/)

/** What sentences are made of, the frequent ones first. */
export const WORDS = `the a to and of in for on with we you it is this that was at are our all so my not have just from
  be but out today good great run ride game week morning training team everyone thanks see who new first time next back
  more day up weather anyone tomorrow meet start finish trail hill route track field club season match won lost coach
  session warm cold rain sun wind snow kilometers minutes record best hard easy long short fast slow legs shoes bike ball
  boat water mountain forest lake city park photo coffee breakfast Saturday Sunday evening welcome congratulations looking
  forward join spot left car train bus lift share plan question answer advice injured recovered ready`.split(/\s+/)
